"""``plugin new`` writes a package that passes its own tests and trains, and ``plugin update`` merges what is new."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from gan_recipe import interfaces
from gan_recipe.cli.plugin import new
from gan_recipe.cli.program import cli
from gan_recipe.components import plugin_package
from gan_recipe.components.plugin_package import KINDS, Answers, update_plugin, write_plugin
from gan_recipe.errors import UserError

ANSWERS = Answers("acme", "gan-recipe-acme", "my_loss", "loss", 'Ann "the" Author')


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path / "cache"))
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def install(folder: Path) -> None:
    """The metadata that an installer writes from the package's pyproject.toml."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {module}" for name, module in project["entry-points"]["gan_recipe"].items()]
    (info / "entry_points.txt").write_text("\n".join(["[gan_recipe]", *lines, ""]))


def git(folder: Path, *words: str) -> str:
    identity = ["-c", "user.name=x", "-c", "user.email=x@localhost"]
    return subprocess.run(["git", "-C", folder, *identity, *words], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("kind", KINDS)
def test_a_component_of_each_kind_is_clean_and_in_a_sound_recipe(kind: str, here: Path) -> None:
    """The linter finds nothing, and ``check`` nothing in the recipe that uses it."""
    folder = here / "package"
    write_plugin(Answers("acme", "gan-recipe-acme", f"my_{kind}", kind, "Ann"), folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        ".copier-answers.yml", "README.md", "gan_recipe_acme", "pyproject.toml", "recipes", "tests",
    ]  # fmt: skip
    lint = ["--isolated", "--line-length", "120", "--config", "lint.isort.known-first-party=['gan_recipe_acme']"]
    run(folder, "-m", "ruff", "check", "--isolated", "--line-length", "120", "--select", "E,F,B,UP", ".")
    run(folder, "-m", "ruff", "format", "--check", *lint[:3], ".")
    install(folder)
    told = run(folder, "-c", "from gan_recipe.cli import main; main()", "check", f"recipes/my_{kind}.toml")
    assert f"my_{kind}.toml is sound" in told


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_the_package_passes_its_own_tests_and_its_recipe_trains(kind: str, here: Path) -> None:
    """As it is written, before its author changes a word."""
    folder = here / "package"
    write_plugin(Answers("acme", "gan-recipe-acme", f"my_{kind}", kind, "Ann"), folder)
    install(folder)
    run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")
    words = ["run", f"recipes/my_{kind}.toml", "--device", "cpu", "-s", "run.rounds=4"]
    assert "Done: " in run(folder, "-c", "from gan_recipe.cli import main; main()", *words)


def test_the_command_takes_answers_as_options_or_asks(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off a terminal what is missing has a default; on one it is asked for."""
    runner = CliRunner()
    done = runner.invoke(cli, ["plugin", "new", "acme", "--kind", "head", "--author", "Ann"])
    assert done.exit_code == 0, done.output
    assert "Wrote gan-recipe-acme: the head acme.my_head" in done.output
    assert (here / "gan-recipe-acme" / "gan_recipe_acme" / "my_head.py").is_file()
    answers = iter(["schedule", "slow", "Bob"])
    monkeypatch.setattr("sys.stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(click, "prompt", lambda *_, **__: next(answers))
    command = cli.get_command(click.Context(cli), "plugin").commands["new"]  # type: ignore[union-attr]
    command.main(["zoo"], standalone_mode=False)
    assert (here / "gan-recipe-zoo" / "recipes" / "slow.toml").is_file()
    assert 'authors = [{ name = "Bob" }]' in (here / "gan-recipe-zoo" / "pyproject.toml").read_text()


def test_an_author_may_be_called_anything(here: Path) -> None:
    """Quotes end no string of the TOML."""
    write_plugin(ANSWERS, here / "package")
    assert tomllib.loads((here / "package/pyproject.toml").read_text())["project"]["authors"] == [
        {"name": 'Ann "the" Author'}
    ]


def test_nothing_is_overwritten(here: Path) -> None:
    """A folder that exists, even an empty one, is refused and left alone."""
    (here / "package").mkdir()
    with pytest.raises(UserError, match="exists already, and nothing is overwritten"):
        write_plugin(ANSWERS, here / "package")
    assert list((here / "package").iterdir()) == []


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        (Answers("a-b", "x", "y", "loss", ""), "the namespace 'a-b' is no name"),
        (Answers("acme", "x", "class", "loss", ""), "the component 'class' is no name"),
        (Answers("acme", "../x", "y", "loss", ""), "'../x' is no name for a package"),
        (Answers("acme", "x", "y", "los", ""), "no template for the kind 'los'"),
    ],
)
def test_names_that_cannot_be_are_refused(answers: Answers, told: str, here: Path) -> None:
    """Before anything is written."""
    with pytest.raises(UserError, match=told):
        write_plugin(answers, here / "package")
    assert not (here / "package").exists()


def test_without_copier_the_cure_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an optional dependency."""
    monkeypatch.setitem(sys.modules, "copier", None)
    with pytest.raises(UserError, match=r"pip install 'gan-recipe\[plugin\]'"):
        write_plugin(ANSWERS, here / "package")


@pytest.fixture
def written(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """A plugin that was written, committed and changed by its author; then the template becomes another."""

    def written() -> Path:
        template = here / "template"
        shutil.copytree(plugin_package._TEMPLATE, template)
        monkeypatch.setattr(plugin_package, "_TEMPLATE", template)
        folder = here / "package"
        write_plugin(ANSWERS, folder)
        git(folder, "init", "-q")
        component = folder / "gan_recipe_acme" / "my_loss.py"
        component.write_text(component.read_text().replace("sharpness: float = 1.0", "sharpness: float = 2.5"))
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "mine")
        source = template / "template" / "{{ module }}" / "{{ component }}.py.jinja"
        source.write_text(source.read_text().replace("# Sums in half", "# The API changed here. Sums in half"))
        return folder

    return written


def test_an_update_merges_what_both_changed(written: Callable[[], Path]) -> None:
    """The template's new line arrives, the author's number stays, and a second update finds nothing to do."""
    folder = written()
    before, after = update_plugin(folder)
    assert after.startswith(before + ".post")
    text = (folder / "gan_recipe_acme" / "my_loss.py").read_text()
    assert "# The API changed here. Sums in half" in text and "sharpness: float = 2.5" in text and "<<<<" not in text
    git(folder, "commit", "-qam", "updated")
    assert update_plugin(folder) == (after, after)


def test_an_update_that_cannot_be_is_told(written: Callable[[], Path], here: Path) -> None:
    """Uncommitted changes, a folder of somebody else's, a version that this machine never saw."""
    with pytest.raises(UserError, match="was not written by"):
        update_plugin(here)
    folder = written()
    (folder / "README.md").write_text("changed")
    with pytest.raises(UserError, match="changes that are not committed"):
        update_plugin(folder)
    git(folder, "checkout", "-q", "README.md")
    answers = folder / ".copier-answers.yml"
    answers.write_text(answers.read_text().replace("_commit: 0", "_commit: 9"))
    git(folder, "commit", "-qam", "from elsewhere")
    with pytest.raises(UserError, match="which was never used on this machine"):
        update_plugin(folder)


def test_the_command_offers_the_kinds_of_the_template() -> None:
    """Every kind of component, and observers; they are written twice, so that ``--help`` imports little."""
    (offered,) = (option.type.choices for option in new.params if option.name == "kind")
    assert tuple(offered) == KINDS and set(KINDS) == {*interfaces.KINDS, "observer"}
