"""docs/plugins.md is true: its files make a plugin, its tests pass, its recipe trains, its commands run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from doc_blocks import blocks
from fresh_environment import FreshEnvironment

from gan_recipe.interfaces import KINDS

PAGE = (Path(__file__).parents[1] / "docs" / "plugins.md").read_text()
RUN_HERE = blocks("docs/plugins.md")
BLOCKS = [(block.language, block.text) for block in RUN_HERE]
PACKAGES = ("acme", "zoo")
NAMED = [(kind, text.splitlines()[0].removeprefix("# "), text) for kind, text in BLOCKS if text.startswith("# ")]
COMMANDS = [line.partition("  #")[0].strip() for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the page, and the metadata that an installer writes from each pyproject.toml."""
    folder = written(tmp_path_factory.mktemp("page"))
    for package in PACKAGES:
        project = tomllib.loads((folder / package / "pyproject.toml").read_text())["project"]
        info = folder / package / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        told = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        (info / "METADATA").write_text(told)
        lines = [f"{name} = {module}" for name, module in project["entry-points"]["gan_recipe"].items()]
        (info / "entry_points.txt").write_text("\n".join(["[gan_recipe]", *lines, ""]))
    return folder


def written(folder: Path) -> Path:
    """The files of the page, where it says that they are."""
    for _, name, text in NAMED:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def run(plugin: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(str(plugin / package) for package in PACKAGES)
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, *command], cwd=plugin, env=environment, capture_output=True, text=True)


def gan_recipe(plugin: Path, *words: str) -> str:
    done = run(plugin, "-c", "import sys; sys.argv[0] = 'gan-recipe'; from gan_recipe.cli import main; main()", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_shortest_plugin_is_as_short_as_the_page_says() -> None:
    """One file of under 25 lines, and five lines of packaging."""
    files = {name: text for _, name, text in NAMED}
    assert len(files["acme/acme_short.py"].splitlines()) - 1 < 25
    assert len(files["acme/pyproject.toml"].splitlines()) - 1 == 5


def test_its_tests_pass(plugin: Path) -> None:
    """The page's own test module, which uses the conformance kit on a component of every kind."""
    done = run(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_acme.py")
    assert done.returncode == 0, done.stdout


def test_one_of_every_kind_is_built(plugin: Path) -> None:
    """No kind is left out, nor an observer."""
    told = gan_recipe(plugin, "list")
    found = {line.strip() for line in told.splitlines() if line in KINDS}
    assert found == set(KINDS)
    built = re.findall(r"@frozen\nclass \w+\((\w+)\):", "".join(text for _, _, text in NAMED))
    assert {name.lower() for name in built} == set(KINDS)
    assert "def gan_recipe_run_ended" in PAGE


@pytest.mark.parametrize("command", [line for line in COMMANDS if line.startswith("gan-recipe ")])
def test_its_commands_run(command: str, plugin: Path) -> None:
    """As they stand there."""
    gan_recipe(plugin, *shlex.split(command)[1:])


@pytest.mark.slow
def test_five_lines_of_packaging_are_enough(tmp_path: Path) -> None:
    """A wheel is built, installed and listed; and the page's own pip installs both packages."""
    (tmp_path / "page").mkdir()
    folder = written(tmp_path / "page")
    fresh = FreshEnvironment.made(tmp_path / "environment")
    assert fresh.install([folder / "acme"], tmp_path / "built") == ["acme_plugin-1.0-py3-none-any.whl"]
    (line,) = [line for line in fresh.gan_recipe(tmp_path, "list", "loss").splitlines() if "acme." in line]
    assert line.split()[0] == "acme.softplus" and line.endswith("[acme-plugin 1.0]")
    assert "acme         acme-plugin 1.0\n  1 component: softplus\n" in fresh.gan_recipe(tmp_path, "plugins")
    assert "sharpness: a number; default 1.0" in fresh.gan_recipe(tmp_path, "show", "acme.softplus")
    for command in [line for line in COMMANDS if line.startswith("pip ")]:
        fresh.pip(folder, *shlex.split(command)[1:])
    found = fresh.gan_recipe(tmp_path, "list")
    assert all(f"{name} " in found for name in ("acme.softplus", "zoo.flat", "zoo.indifferent"))
