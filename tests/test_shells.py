"""bash, zsh and fish complete what is typed into them: each is driven on a terminal, as a person would."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

SHELLS = {"bash": ["bash", "--rcfile", ".bashrc", "-i"], "zsh": ["zsh", "-i"], "fish": ["fish", "-i"]}
PROMPT = "READY> "
# Ours when a shell asks or the function is printed; else it tells what it was called with.
COMMAND = """#!{python}
import json, os, sys
if "_GAN_RECIPE_COMPLETE" in os.environ or sys.argv[1:2] == ["completion"]:
    from gan_recipe.cli import main
    main()
else:
    print("<<" + json.dumps(sys.argv[1:]) + ">>")
"""


class Terminal:
    """An interactive shell on a terminal of its own."""

    def __init__(self, shell: str, home: Path, environment: dict[str, str]) -> None:
        self.shell, self.shown = shell, ""
        self.process, self.keyboard = pty.fork()
        if self.process == 0:
            os.chdir(home)
            os.execvpe(shell, SHELLS[shell], environment)
        fcntl.ioctl(self.keyboard, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
        self.wait(PROMPT)

    def type(self, keys: str) -> None:
        self.shown = ""
        os.write(self.keyboard, keys.encode())

    def wait(self, pattern: str, seconds: float = 30) -> str:
        """What the screen has shown since the last keys, without its colours, as soon as it shows the pattern."""
        ends = time.monotonic() + seconds
        while (found := re.search(pattern, self.shown, re.DOTALL)) is None:
            assert time.monotonic() < ends, f"{self.shell} shows no {pattern!r}: {self.shown!r}"
            if select.select([self.keyboard], [], [], 0.1)[0]:
                told = os.read(self.keyboard, 65536).decode(errors="replace")
                self.shown += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z=>]|\([A-Z]|\][^\x07]*\x07|[=>])", "", told)
        return found[0]

    def completed(self, line: str) -> list[str]:
        """The words that are run when TAB and Enter are pressed behind ``line``."""
        self.type(f"{line}\t\r")
        told = self.wait(rf"<<.*>>.*{PROMPT}")
        words: list[str] = json.loads(told[2 : told.index(">>")])
        return words

    def offers(self, line: str, *words: str) -> None:
        """TAB behind ``line`` shows the words below it; bash wants it twice."""
        self.type(line + ("\t\t" if self.shell == "bash" else "\t"))
        self.wait("".join(rf"(?=.*\s{re.escape(word)}\s)" for word in words))
        self.type("\r")
        self.wait(rf"<<.*>>.*{PROMPT}")

    def close(self) -> None:
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.keyboard)


@pytest.fixture(params=SHELLS)
def terminal(request: pytest.FixtureRequest, tmp_path: Path, ring: str) -> Iterator[Terminal]:
    """A shell that was set up as ``gan-recipe completion --help`` says, in a folder with a recipe and two runs."""
    shell = request.param
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "bin" / "gan-recipe"
    script.parent.mkdir()
    script.write_text(COMMAND.format(python=sys.executable))
    script.chmod(0o755)
    (tmp_path / "ring.toml").write_text(ring)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.toml").write_text(ring)
    for name in ("old/1", "other/1"):
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps({"outcome": "done"}))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    environment |= {"HOME": str(tmp_path), "ZDOTDIR": str(tmp_path), "TERM": "xterm"}
    environment["PATH"] = f"{script.parent}:{os.environ['PATH']}"
    (tmp_path / ".bashrc").write_text(f'PS1="{PROMPT}"\neval "$(gan-recipe completion bash)"\n')
    start = "autoload -Uz compinit && compinit -u"
    (tmp_path / ".zshrc").write_text(f'PS1="{PROMPT}"\n{start}\neval "$(gan-recipe completion zsh)"\n')
    fish = tmp_path / ".config" / "fish"
    (fish / "completions").mkdir(parents=True)
    (fish / "config.fish").write_text(f'set fish_greeting\nfunction fish_prompt\n  echo -n "{PROMPT}"\nend\n')
    printed = subprocess.run([script, "completion", "fish"], capture_output=True, text=True, check=True).stdout
    (fish / "completions" / "gan-recipe.fish").write_text(printed)
    opened = Terminal(shell, tmp_path, environment)
    yield opened
    opened.close()


def test_a_shell_completes_on_a_terminal(terminal: Terminal) -> None:
    """Recipes, files, components, runs, keys and values; a word that goes on is followed by no space."""
    assert terminal.completed("gan-recipe check dcg") == ["check", "dcgan"]
    assert terminal.completed("gan-recipe check rin") == ["check", "ring.toml"]
    assert terminal.completed("gan-recipe check mine/o") == ["check", "mine/own.toml"]
    assert terminal.completed("gan-recipe show wgan_c") == ["show", "wgan_clip"]
    assert terminal.completed("gan-recipe run --resume other/") == ["run", "--resume", "other/1"]
    assert terminal.completed("gan-recipe run dcgan -s run.precision=bf") == [
        "run",
        "dcgan",
        "-s",
        "run.precision=bf16",
    ]
    assert terminal.completed("gan-recipe run ring.toml -s run.prec\tfl")[2:] == ["-s", "run.precision=float32"]
    terminal.offers("gan-recipe show wgan_", "wgan_clip", "wgan_gp")
    terminal.offers("gan-recipe run --resume o", "old", "old/1", "other", "other/1")
    terminal.offers("gan-recipe run dcgan -s run.s", "run.seed=", "run.scale=")
    assert terminal.completed("gan-recipe verify-r") == ["verify-resume"]
