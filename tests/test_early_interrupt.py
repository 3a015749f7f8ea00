"""Ctrl-C while the program starts: it ends as shells expect, and Python has no word in it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

import gan_recipe

# Interrupts itself when a module is looked for.
_AT_IMPORT = """
import os, signal, sys
class Interrupting:
    at = sys.argv[1]
    def find_spec(self, name, path=None, target=None):
        if name == self.at:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
"""
_MAIN = "sys.argv[:] = ['gan-recipe', *sys.argv[2:]]; from gan_recipe.cli import main; main()"


def started(code: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    "module",
    [
        "gan_recipe.cli.program",
        "click",
        "click.core",
        "gan_recipe.errors",
        "attr",
        "gan_recipe.cli.explore",
        "gan_recipe.components.registry",
        "pluggy",
        "gan_recipe_plugins",
    ],
)
def test_an_interrupt_at_an_import_ends_it_with_130(module: str) -> None:
    """Wherever it comes, from the first import of the entry point to those of the command itself."""
    done = started(_AT_IMPORT + _MAIN, module, "list")
    assert done.returncode == 130 and done.stdout == ""
    assert "Traceback" not in done.stderr and "KeyboardInterrupt" not in done.stderr


def test_an_interrupt_at_any_time_of_a_short_command_is_told_by_nobody_but_us() -> None:
    """Sent from outside, every few milliseconds from the entry point on: no traceback has a line of ours."""
    code = (
        "import sys, gan_recipe.cli; sys.argv[:] = ['gan-recipe', '--help']; print(flush=True); gan_recipe.cli.main()"
    )
    codes = []
    for delay in range(0, 60, 6):
        words = [sys.executable, "-c", code]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None and process.stderr is not None
            process.stdout.readline()
            time.sleep(delay / 1000)
            process.send_signal(signal.SIGINT)
            told = process.stderr.read().decode()
            codes.append(process.wait(60))
        assert "gan_recipe/" not in told, told
    assert 130 in codes


def test_whoever_ignores_interrupts_goes_on_to_do_so() -> None:
    """As a shell has its jobs in the background do."""
    ignoring = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
    done = started(ignoring + _AT_IMPORT + _MAIN, "click.core", "--version")
    assert done.returncode == 0 and gan_recipe.__version__ in done.stdout and done.stderr == ""


def test_an_import_of_the_package_imports_nothing_else() -> None:
    """So the way to the program's first line is short; what is public is imported when it is asked for."""
    code = "import sys; before = set(sys.modules); import gan_recipe; print(*set(sys.modules) - before)"
    assert set(started(code).stdout.split()) == {"__future__", "gan_recipe"}
    assert {name: getattr(gan_recipe, name).__name__ for name in ("Loss", "Ramp", "Case")} == {
        "Loss": "Loss",
        "Ramp": "Ramp",
        "Case": "Case",
    }
    assert set(gan_recipe._HOMES) == set(gan_recipe.__all__) <= set(dir(gan_recipe))
    with pytest.raises(AttributeError, match="no attribute 'Lose'"):
        _ = gan_recipe.Lose
