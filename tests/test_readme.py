"""The README is true: its recipes check, and its commands run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from doc_blocks import blocks

README = (Path(__file__).parents[1] / "README.md").read_text()
RUN_HERE = [block for block in blocks("README.md") if not block.installs]
BLOCKS = [(block.language, block.text) for block in RUN_HERE]
COMMANDS = [line.partition("#")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.fixture
def recipes(tmp_path: Path) -> Path:
    """The README's recipes, under the names that their first lines give."""
    for kind, text in BLOCKS:
        if kind == "toml":
            (tmp_path / text.splitlines()[0].removeprefix("# ")).write_text(text)
    return tmp_path


def gan_recipe(command: str, folder: Path) -> str:
    words = shlex.split(command)[1:]
    run = [sys.executable, "-c", "from gan_recipe.cli import main; main()", *words]
    done = subprocess.run(run, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_runs(command: str, recipes: Path) -> None:
    """As it stands there, beside the README's own recipes."""
    gan_recipe(command, recipes)


def test_the_readmes_recipes_train(recipes: Path) -> None:
    """Two rounds of the variant, which extends the first recipe, on few small faces."""
    small = "-s run.rounds=6 -s run.batch=2 -s data.faces.identities=4 -s data.faces.held_out=2"
    widths = "-s networks.generator.width=0.0625 -s networks.trunk.width=0.0625"
    told = gan_recipe(f"gan-recipe run wasserstein.toml {small} {widths}", recipes)
    assert "Done: runs/wasserstein/1" in told and (recipes / "runs/wasserstein/1/sheets/round-000006.png").is_file()


def test_the_pictures_of_the_readme_exist() -> None:
    """Every image that the README shows is in the repository."""
    shown = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert shown and all((Path(__file__).parents[1] / path).is_file() for path in shown)
