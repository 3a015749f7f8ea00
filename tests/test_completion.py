"""Shells complete recipes, components, runs, keys and values: asked as each shell asks, and of bash itself."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_recipe.components.registry import Registry
from gan_recipe.interfaces import KINDS
from gan_recipe.language.override_keys import keys, values
from gan_recipe.language.recipe_file import load, shipped_recipes
from gan_recipe.runs.check_recipe import check

CODE = "import sys; sys.argv[0] = 'gan-recipe'; from gan_recipe.cli import main; main()"
Complete = Callable[..., list[str]]


@pytest.fixture
def folder(tmp_path: Path, ring: str) -> Path:
    """A recipe, a folder of recipes, and two runs of one name."""
    (tmp_path / "ring.toml").write_text(ring)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.toml").write_text(ring)
    for number in (1, 2):
        run = tmp_path / "runs" / "old" / str(number)
        run.mkdir(parents=True)
        (run / "run.json").write_text(json.dumps({"outcome": "done"}))
    return tmp_path


@pytest.fixture
def complete(folder: Path) -> Complete:
    """Asks as bash does, by the line up to the cursor."""

    def complete(line: str) -> list[str]:
        asked = {"_GAN_RECIPE_COMPLETE": "bash_complete", "COMP_LINE": line, "COMP_POINT": str(len(line))}
        asked["COMP_WORDBREAKS"] = " \t\n\"'><=;|&(:"
        done = subprocess.run(
            [sys.executable, "-c", CODE], cwd=folder, env=os.environ | asked, capture_output=True, text=True
        )
        assert done.stderr == ""
        return [line for line in done.stdout.splitlines() if line]

    return complete


def test_commands_and_options_are_completed(complete: Complete) -> None:
    """As click knows them."""
    assert {"check", "run", "runs"} <= set(complete("gan-recipe "))
    assert complete("gan-recipe run --resume-") == ["--resume-or-start"]
    assert complete("gan-recipe completion z") == ["zsh"]


def test_recipes_are_completed(complete: Complete) -> None:
    """Shipped ones by name, files here, and files in a folder that was begun."""
    assert complete("gan-recipe check dcg") == ["dcgan"]
    assert set(complete("gan-recipe run ")) >= {"ring.toml", *shipped_recipes()}
    assert complete("gan-recipe run mine/") == ["mine/own.toml"]
    assert "zoo/ring_gan" in complete("gan-recipe graph zoo/")
    assert complete("gan-recipe diff old mine/") == ["mine/own.toml"]


def test_components_and_kinds_and_runs_are_completed(complete: Complete) -> None:
    """By the names that commands take."""
    assert complete("gan-recipe show wgan_") == ["wgan_clip", "wgan_gp"]
    assert complete("gan-recipe list ") == list(KINDS)
    assert complete("gan-recipe run --resume o") == ["old", "old/1", "old/2"]
    assert complete("gan-recipe sample old/") == ["old/1", "old/2"]


def test_what_cannot_be_read_completes_to_nothing(complete: Complete, folder: Path) -> None:
    """A shell that completes is the wrong one to tell what is wrong."""
    shutil.rmtree(folder / "runs")
    (folder / "runs").write_text("")
    (folder / "ring.toml").write_text("[run")
    assert complete("gan-recipe sample o") == []
    assert complete("gan-recipe run ring.toml -s run.ba") == []


def test_keys_and_values_of_an_override_are_completed(complete: Complete) -> None:
    """Keys end with "="; after it bash wants the value alone, for "=" ends its word."""
    assert complete("gan-recipe run ring.toml -s run.pre") == ["run.precision="]
    assert complete("gan-recipe run ring.toml -s run.precision=b") == ["bf16"]
    assert complete("gan-recipe run ring.toml -s run.precision=") == ["auto", "float32", "bf16"]
    assert complete("gan-recipe check ring.toml -s data.toy.la") == ["data.toy.layout="]
    assert complete("gan-recipe check ring.toml -s data.toy.layout=g") == ["grid"]
    assert complete("gan-recipe check ring.toml -s players.critic.losses.r1.w") == ["players.critic.losses.r1.weight="]
    assert "wgan_gp" in complete("gan-recipe check ring.toml -s players.critic.losses.r1.use=w")
    assert complete("gan-recipe check ring.toml -s players.critic.optimizer.use=adamw") == ["adamw"]
    assert complete("gan-recipe check nothing.toml -s run.") == []


def test_completing_imports_nothing_heavy(folder: Path) -> None:
    """Neither torch nor rich, for the dearest question."""
    code = (
        "import sys, atexit\n"
        "atexit.register(lambda: print(sorted({'torch', 'numpy', 'rich'} & set(sys.modules)), file=sys.stderr))\n"
    )
    asked = {
        "_GAN_RECIPE_COMPLETE": "bash_complete",
        "COMP_LINE": "gan-recipe run dcgan -s players.critic.losses.gan.use=",
    }
    done = subprocess.run(
        [sys.executable, "-c", code + CODE], cwd=folder, env=os.environ | asked, capture_output=True, text=True
    )
    assert done.stderr == "[]\n" and "hinge_critic" in done.stdout


def _script(shell: str, folder: Path) -> str:
    done = subprocess.run([sys.executable, "-c", CODE, "completion", shell], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def command(folder: Path) -> str:
    """A folder with a command called gan-recipe, to be put on the path."""
    place = folder / "bin"
    place.mkdir()
    script = place / "gan-recipe"
    script.write_text(f"#!{sys.executable}\nfrom gan_recipe.cli import main\nmain()\n")
    script.chmod(0o755)
    return f"{place}:{os.environ['PATH']}"


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_itself_completes(folder: Path, command: str) -> None:
    """The printed function, called as bash calls it; a key is followed by no space, a value by one."""
    asks = _script("bash", folder) + (
        "compopt() { printf 'compopt %s %s\\n' $1 $2; }\n"
        "ask() { COMP_LINE=$1 COMP_POINT=${#1}; COMPREPLY=(); _gan_recipe_completion gan-recipe; "
        'echo "${COMPREPLY[*]}"; }\n'
        "ask 'gan-recipe check dcg'\nask 'gan-recipe run dcgan -s run.ba'\n"
        "ask 'gan-recipe run dcgan -s run.precision=bf'\n"
        "complete -p gan-recipe\n"
    )
    environment = os.environ | {"PATH": command}
    done = subprocess.run(["bash", "--norc", "-c", asks], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    told = done.stdout.splitlines()
    assert told[:4] == ["dcgan", "compopt -o nospace", "run.batch=", "bf16"]
    assert "-F _gan_recipe_completion gan-recipe" in told[4]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_understand_what_is_printed(shell: str, folder: Path, command: str) -> None:
    """Where the shell is installed it reads the function without a complaint; everywhere the answer is click's."""
    script = _script(shell, folder)
    assert "_GAN_RECIPE_COMPLETE" in script and "gan-recipe" in script
    words = {
        "COMP_WORDS": "gan-recipe run ring.toml -s run.precision=b",
        "COMP_CWORD": "4" if shell == "zsh" else "run.precision=b",
    }
    asked = words | {"_GAN_RECIPE_COMPLETE": f"{shell}_complete"}
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=folder, env=os.environ | asked, capture_output=True, text=True
    )
    assert "run.precision=bf16" in done.stdout, done.stderr
    if shutil.which(shell):
        (folder / "script").write_text(script)
        subprocess.run([shell, "-n", "script"], cwd=folder, check=True)


@pytest.mark.parametrize("name", ["dcgan", "siamese", "pix2pix"])
def test_every_key_that_is_offered_can_be_changed(name: str) -> None:
    """``check`` knows each of them: setting it to what it has, or to its first choice, is no unknown key."""
    from gan_recipe.errors import RecipeError

    registry = Registry.installed()
    tables = load(name).tables
    for key in keys(tables, registry):
        if key.endswith(".use"):
            continue  # another component has other settings than those that are stated beside it
        choices = values(tables, registry, key)
        try:
            check(name, [f"{key}={(choices or ['1'])[0]}"], registry)
        except RecipeError as error:
            told = str(error)
            assert "there is no such key" not in told and "it adds nothing" not in told, (key, told)
