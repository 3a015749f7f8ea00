"""Other people's plugins, installed as distributions are: listed, restricted, and remembered by runs."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest
from conftest import Done

from gan_recipe.cli import main
from gan_recipe.components.registry import ONLY, LookupProblem, Registry
from gan_recipe.runs.versions import changes

SWISH = """
from attrs import frozen
from gan_recipe import Loss, hookimpl

@frozen
class Swish(Loss):
    '''The mean of ``-fake``. Source: nobody.'''
    def __call__(self, fake):
        return -fake.mean()

@hookimpl
def gan_recipe_components():
    return {"swish": Swish}
"""

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Puts a module and its distribution's metadata on the path, as an installer would."""
    before = set(sys.modules)

    def install(namespace: str, source: str, *, name: str = "", version: str = "1.0") -> None:
        name = name or f"acme-{namespace}"
        folder = tmp_path / f"site-{name}-{version}"
        module = f"plugin_{name}".replace("-", "_")
        info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
        (info / "entry_points.txt").write_text(f"[gan_recipe]\n{namespace} = {module}\n")
        (folder / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(folder)
        importlib.invalidate_caches()
        sys.modules.pop(module, None)

    yield install
    for module in set(sys.modules) - before:
        if module.startswith("plugin_"):
            del sys.modules[module]


@pytest.fixture
def gan_recipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Done]:
    """Runs a command in an empty folder, in this process."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.delenv("GAN_RECIPE_RUNS", raising=False)

    def gan_recipe(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["gan-recipe", *words])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as exit:
            code = int(exit.code or 0)
        captured = capsys.readouterr()
        return Done(code, click.unstyle(captured.out), captured.err)

    return gan_recipe


Run = Callable[..., Done]


def test_everybody_installed_is_listed_with_what_is_wrong(gan_recipe: Run, install: Install) -> None:
    """Ours first; components, an observer, a broken one, a clash of two, one for another API: each with its reason."""
    install("acme", SWISH, version="1.2")
    install("watch", "from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_sheet(image): pass\n")
    install("bad", "import no_such_module_anywhere")
    install("half", SWISH.replace("Swish}", 'Swish, "lost": "no_such_module_anywhere:X"}'))
    install("shared", SWISH, name="one")
    install("shared", SWISH, name="two", version="2.0")
    install("ahead", "GAN_RECIPE_API = 99\n" + SWISH)
    install("behind", "from gan_recipe import SomethingThatWent")
    told = gan_recipe("plugins")
    assert told.code == 0 and told.err == ""
    lines = told.out.splitlines()
    assert lines[0].startswith("gan_recipe") and lines[2].startswith("tensorboard")
    after = {line.split()[0]: [line, *lines[n + 1 : n + 3]] for n, line in enumerate(lines) if line[0] != " "}
    assert after["acme"][0].split() == ["acme", "acme-acme", "1.2"] and after["acme"][1] == "  1 component: swish"
    assert after["watch"][1] == "  an observer: name it in [run] observers"
    assert after["bad"][1] == "  broken: ModuleNotFoundError: No module named 'no_such_module_anywhere'"
    assert after["half"][1] == "  1 component: swish"
    assert after["half"][2].startswith("  broken: the plugin 'half' (acme-half 1.0) cannot import 'lost'")
    assert "two 2.0 and one 1.0 both claim the namespace 'shared'; uninstall one" in after["shared"][1]
    assert after["shared"][1].startswith("  clashing: ")
    ahead = "it is written for API 99 of gan-recipe, and the one here is 1; install a newer gan-recipe"
    assert after["ahead"][1] == f"  broken: ImportError: {ahead}"
    assert "seems to be written for another version of gan-recipe" in after["behind"][1]


def test_a_plugin_for_another_api_harms_no_other(gan_recipe: Run, install: Install) -> None:
    """It is named with both numbers and the cure; the others work."""
    install("old", "GAN_RECIPE_API = 0\n" + SWISH)
    install("acme", SWISH)
    told = gan_recipe("show", "old.swish")
    assert told.code == 2
    assert told.err == (
        "the plugin 'old' (acme-old 1.0) is broken: ImportError: it is written for API 0 of gan-recipe, and the one "
        "here is 1; install a newer acme-old\n"
    )
    assert gan_recipe("show", "acme.swish").code == 0


def test_a_list_tells_where_each_component_is_from(gan_recipe: Run, install: Install) -> None:
    """Others' distributions beside their components, ours once for all."""
    install("acme", SWISH, version="1.2")
    told = gan_recipe("list", "loss").out
    (line,) = [line for line in told.splitlines() if "acme.swish" in line]
    assert line.endswith("[acme-acme 1.2]")
    assert told.splitlines()[-1].startswith("From gan-recipe 0.")


def test_nobody_replaces_the_built_ins(gan_recipe: Run, install: Install) -> None:
    """Who claims their namespace is named beside them, and no component of either is had in silence."""
    install("gan_recipe", SWISH, name="usurper", version="3.0")
    told = gan_recipe("show", "l1")
    assert told.code == 2 and "usurper 3.0 and gan-recipe 0.1.0 both claim the namespace 'gan_recipe'" in told.err
    install("acme", SWISH.replace("swish", "l1"))
    shown = {name for name in Registry.installed().every() if name.endswith("l1")}
    assert "acme.l1" in shown


@pytest.mark.parametrize("by", ["option", "variable"])
def test_only_the_plugins_that_are_named_may_load(
    gan_recipe: Run, install: Install, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """By option or by variable; those kept out are not even imported, and asking for one tells why."""
    install("acme", SWISH)
    install("other", "raise SystemExit('imported')")
    option = []
    if by == "option":
        option = ["--only-plugins", "acme"]
    else:
        monkeypatch.setenv(ONLY, " acme, ")
    told = gan_recipe(*option, "list")
    assert told.code == 0 and "acme.swish" in told.out and "imported" not in told.err
    assert "kept out: --only-plugins (or $GAN_RECIPE_ONLY_PLUGINS)" in gan_recipe(*option, "plugins").out
    refused = gan_recipe(*option, "show", "other.x")
    assert refused.code == 2 and "the plugin 'other' (acme-other 1.0) is kept out" in refused.err
    if by == "option":
        # For the length of a command alone.
        assert "broken: other (acme-other 1.0): SystemExit: imported" in gan_recipe("list").err


def test_nothing_but_our_own_may_load_when_nobody_is_named(gan_recipe: Run, install: Install) -> None:
    """An empty list is a list."""
    install("acme", SWISH)
    assert gan_recipe("--only-plugins", "", "show", "acme.swish").code == 2
    assert gan_recipe("--only-plugins", "", "show", "l1").code == 0


def test_a_misspelt_plugin_is_not_kept_out_in_silence(gan_recipe: Run, install: Install) -> None:
    """The nearest name is told."""
    install("acme", SWISH)
    told = gan_recipe("--only-plugins", "acne", "list")
    assert told.code == 2 and "names 'acne'; no installed plugin is called so. Did you mean 'acme'?" in told.err


def test_a_run_remembers_every_plugin_and_says_when_it_goes_on_with_another_version(
    gan_recipe: Run, install: Install, ring: str
) -> None:
    """What the recipe uses is recorded by name and version; what it does not use is not."""
    install("acme", SWISH, version="1.0")
    install("idle", SWISH)
    Path("ring.toml").write_text(ring.replace("bce_generator", "acme.swish"))
    assert gan_recipe("run", "ring.toml").code == 0
    description = Path("runs/ring/1/run.json")
    told = json.loads(description.read_text())
    plugins = told["versions"]["plugins"]
    assert plugins["acme"] == "acme-acme 1.0" and "idle" not in plugins
    told["outcome"] = "stopped"
    description.write_text(json.dumps(told))
    assert "began with" not in gan_recipe("run", "--resume", "ring").out
    told["versions"]["torch"] = "1.0"
    description.write_text(json.dumps(told))
    install("acme", SWISH, version="1.1")
    resumed = gan_recipe("run", "--resume", "ring")
    assert resumed.code == 0
    said = " ".join(resumed.out.split())
    assert "this run began with acme-acme 1.0, not acme-acme 1.1; it goes on with that" in said
    assert "this run began with torch 1.0, not " in said


def test_changes_of_versions_are_told_one_by_one() -> None:
    """A plugin that was not there, one that is another distribution's, and a description that tells nothing."""
    now = {"gan-recipe": "2", "python": "3.11", "torch": "2.9", "plugins": {"a": "a 1", "b": "other-b 1"}}
    before = {"gan-recipe": "1", "python": "3.11", "torch": "2.9", "plugins": {"b": "b 1", "gone": "gone 1"}}
    assert list(changes(before, now)) == [
        "this run began with gan-recipe 1, not 2",
        "this run began with no plugin 'a', not a 1",
        "this run began with b 1, not other-b 1",
    ]
    assert list(changes(now, now)) == []
    assert len(list(changes({}, now))) == 5


def test_a_registry_refuses_what_is_kept_out(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a component and as an observer."""
    install("acme", SWISH)
    monkeypatch.setenv(ONLY, "")
    registry = Registry.installed()
    for ask in (lambda: registry.component("acme.swish", "loss"), lambda: registry.observe("acme")):
        with pytest.raises(LookupProblem, match="is kept out"):
            ask()
    assert not registry.plugins["tensorboard"].kept_out
