"""docs/resume.md says what the command line does."""

from __future__ import annotations

import re
from pathlib import Path

import click

from gan_recipe.cli.program import cli
from gan_recipe.engine.stopping import BY_VERDICT, exit_code
from gan_recipe.errors import BusyError, RunError, UserError

PAGE = (Path(__file__).parents[1] / "docs" / "resume.md").read_text()


def test_the_exit_codes_are_those_of_the_help_and_of_the_code() -> None:
    """The same numbers in the page, in ``run --help`` and in the errors that carry them."""
    stated = {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.M)}
    told = {int(code) for code in re.findall(r"^ +(\d+) +\w", cli.commands["run"].help or "", re.M)}
    errors = {UserError.exit_code, RunError.exit_code, BusyError.exit_code}
    assert stated == told == {0, *errors, exit_code(2), exit_code(10), exit_code(15), exit_code(BY_VERDICT)}


def test_every_command_of_the_page_parses() -> None:
    """Commands and options exist, and take what the page gives them."""
    commands = re.findall(r"^gan-recipe (.+)$", PAGE, re.M)
    assert len(commands) == 4
    for line in commands:
        name, *words = line.split()
        cli.commands[name].make_context(name, words)
    assert isinstance(cli.commands["verify-resume"], click.Command)
