"""Plugins: found, imported when named, and, when broken, named and harmless to all others."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from gan_recipe.components.entry_points import EntryPoint, entry_points
from gan_recipe.components.registry import BARE, LookupProblem, Registry
from gan_recipe.interfaces import KINDS, Data, Head

GOOD = """
    from attrs import frozen
    from gan_recipe import Head, hookimpl

    @frozen
    class PatchHead(Head):
        '''Patches.'''

    @hookimpl
    def gan_recipe_components():
        return {"patch_head": PatchHead, "broken": "no_such_module:X", "wrong": dict}
"""


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Registry]]:
    """Makes modules of these sources and a registry of them, beside the built-ins."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def plugins(**sources: str) -> Registry:
        found = [*entry_points("gan_recipe")]
        for name, source in sources.items():
            (tmp_path / f"plugin_{name}.py").write_text(textwrap.dedent(source))
            found.append(EntryPoint(name, f"plugin_{name}", told=f"acme-{name} 1.0"))
        return Registry.of(found)

    yield plugins
    for name in set(sys.modules) - before:
        if name.startswith("plugin_"):
            del sys.modules[name]


def test_built_ins_go_bare_and_come_through_the_same_door(registry: Registry) -> None:
    """Their entry point is one of several; each of their components is of one of the kinds."""
    assert {BARE, "tensorboard"} <= set(registry.plugins)
    every = registry.every()
    assert len(every) > 40 and all(cls.kind in KINDS for cls in every.values())
    assert not any(plugin.error or plugin.broken for plugin in registry.plugins.values())
    assert issubclass(registry.component("linear_fc", "head"), Head)


def test_a_component_of_a_plugin_is_named_behind_its_namespace(plugins: Callable[..., Registry]) -> None:
    """And only by that name."""
    registry = plugins(acme=GOOD)
    assert registry.component("acme.patch_head", "head").__name__ == "PatchHead"
    assert "acme.patch_head" in registry.names()
    with pytest.raises(LookupProblem, match=r"no component 'patch_hed'.*'patch_head'"):
        registry.component("patch_hed", "head")
    with pytest.raises(LookupProblem, match=r"Did you mean 'acme\.patch_head'\?"):
        registry.component("acme.patch_hed", "head")
    with pytest.raises(LookupProblem, match=r"no installed plugin is called 'acne'\. Did you mean 'acme'\?"):
        registry.component("acne.patch_head", "head")


def test_only_the_plugins_that_are_named_are_imported(plugins: Callable[..., Registry]) -> None:
    """Looking up a built-in imports no other plugin, and a module only when one of its components is looked up."""
    registry = plugins(acme=GOOD, other="raise RuntimeError('imported')")
    registry.component("linear_fc", "head")
    assert "plugin_acme" not in sys.modules
    registry.component("acme.patch_head", "head")
    assert registry.plugins["other"].components is None and registry.plugins["other"].error is None


def test_a_component_of_another_kind_is_told(registry: Registry) -> None:
    """What it is and what was expected."""
    with pytest.raises(LookupProblem, match="'noise' is a data; expected: encoder or decoder or head"):
        registry.component("noise", ("encoder", "decoder", "head"))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError: No module named 'no_such_module_anywhere'"),
        ("raise RuntimeError('out of luck')", "RuntimeError: out of luck"),
        ("import sys; sys.exit('no licence')", "SystemExit: no licence"),
        ("def f(:", "SyntaxError"),
        ("from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_componens(): return {}",
         "there is no hook 'gan_recipe_componens'. Did you mean 'gan_recipe_components'?"),
        ("from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_logged(rounds): pass", "rounds"),
        ("from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_components(): return 7", "gives a dict"),
        ("from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_components(): return {'a.b': 7}", "gives a dict"),
        ("from gan_recipe import hookimpl\n@hookimpl\ndef gan_recipe_components(): return {}['x']", "KeyError: 'x'"),
    ],
)  # fmt: skip
def test_a_broken_plugin_is_named_and_harms_no_other(
    plugins: Callable[..., Registry], tmp_path: Path, source: str, told: str
) -> None:
    """Its components and its hooks are refused with the reason; everybody else's work as before."""
    registry = plugins(bad=source, acme=GOOD)
    for ask in (lambda: registry.component("bad.x", "head"), lambda: registry.observe("bad")):
        with pytest.raises(LookupProblem) as caught:
            ask()
        assert "the plugin 'bad' (acme-bad 1.0) is broken: " in str(caught.value) and told in str(caught.value)
    assert "acme.patch_head" in registry.every() and "linear_fc" in registry.every()
    registry.manager.hook.gan_recipe_run_started(folder=tmp_path, recipe={})
    registry.manager.hook.gan_recipe_logged(folder=tmp_path, round=0, values={})
    registry.manager.hook.gan_recipe_run_ended(folder=tmp_path, outcome="done")
    assert {name for name, plugin in registry.plugins.items() if plugin.error} == {"bad"}


def test_a_broken_plugins_hooks_are_not_called(plugins: Callable[..., Registry]) -> None:
    """One that misspells a hook is out altogether, its right hooks included."""
    registry = plugins(
        bad="""
        from gan_recipe import hookimpl
        @hookimpl
        def gan_recipe_loged(): pass
        @hookimpl
        def gan_recipe_logged(): raise RuntimeError("told all the same")
        """
    )
    with pytest.raises(LookupProblem, match=r"Did you mean 'gan_recipe_logged'"):
        registry.observe("bad")
    registry.manager.hook.gan_recipe_logged(folder=Path(), round=0, values={})


def test_a_broken_component_harms_no_other_of_its_plugin(plugins: Callable[..., Registry]) -> None:
    """Each is refused with its own reason, and told among the plugin's broken ones."""
    registry = plugins(acme=GOOD)
    assert "acme.patch_head" in registry.every() and "acme.broken" not in registry.every()
    assert set(registry.plugins["acme"].broken) == {"broken", "wrong"}
    with pytest.raises(LookupProblem, match="cannot import 'broken' from 'no_such_module:X': ModuleNotFoundError"):
        registry.component("acme.broken", "head")
    with pytest.raises(LookupProblem, match="'wrong' of the plugin 'acme' cannot be used: it is no component"):
        registry.component("acme.wrong", "head")
    assert registry.component("acme.patch_head", "head")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("class X(Head): pass", "it is no frozen attrs class"),
        ("@frozen\nclass X(Network): pass", "it is none of encoder, decoder"),
        ("@frozen\nclass X(Loss): pass", "it has no __call__"),
        ("@frozen\nclass X(Metric): pass", "it has no __call__"),
        ("X = 7", "it is no component"),
    ],
)
def test_what_the_interfaces_do_not_allow_is_told(plugins: Callable[..., Registry], body: str, told: str) -> None:
    """When it is looked up, not when it fails in training."""
    head = "from attrs import frozen\nfrom gan_recipe import *\n"
    hook = "\n@hookimpl\ndef gan_recipe_components(): return {'x': X}\n"
    with pytest.raises(LookupProblem, match=told):
        plugins(bad=head + body + hook).component("bad.x", tuple(KINDS))


def test_two_distributions_that_claim_one_namespace_are_both_named() -> None:
    """And neither is used; the same distribution found twice is no conflict."""
    one = EntryPoint("acme", "plugin_one", told="one 1.0")
    two = EntryPoint("acme", "plugin_two", told="two 2.0")
    with pytest.raises(LookupProblem, match=r"one 1\.0 and two 2\.0 both claim the namespace 'acme'; uninstall one"):
        Registry.of([one, two]).component("acme.x", "head")
    assert Registry.of([one, one]).plugins["acme"].error is None


# --------------------------------------------------------------------------------------------------- entry points


def asked(group: str, path: list[str]) -> list[tuple[str, str, str]]:
    """The reference: importlib.metadata itself, with the first of each distribution as it would be imported."""
    found: dict[str, metadata.Distribution] = {}
    for distribution in metadata.distributions(path=path):
        found.setdefault(distribution._normalized_name, distribution)  # type: ignore[attr-defined]
    return sorted(
        (entry.name, entry.value, f"{distribution.name} {distribution.version}")
        for distribution in found.values()
        for entry in distribution.entry_points.select(group=group)
    )


def quickly(group: str) -> list[tuple[str, str, str]]:
    return sorted((entry.name, entry.value, entry.distribution) for entry in entry_points(group))


@pytest.mark.parametrize("group", ["gan_recipe", "console_scripts", "pytest11", "no such group"])
def test_the_quick_way_finds_what_importlib_metadata_finds(group: str) -> None:
    """In this very environment, name by name, with the distributions' names and versions."""
    assert quickly(group) == asked(group, sys.path)


def test_the_quick_way_finds_what_importlib_metadata_finds_in_strange_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shadowed versions, spellings of a name, egg-info, comments, extras, other groups, folders that are none."""

    def distribution(place: str, folder: str, text: str | None, head: str) -> None:
        info = tmp_path / place / folder
        info.mkdir(parents=True)
        (info / ("PKG-INFO" if folder.endswith("egg-info") else "METADATA")).write_text(head + "\n\nVersion: 9\n")
        if text is not None:
            (info / "entry_points.txt").write_text(text)

    acme = "[other]\nx = y\n\n# note\n[gan_recipe]\n# a = b\nacme = acme.plugin:hooks [extra]\nsecond=acme.second\n"
    distribution("a", "Acme_Heads-1.0.dist-info", acme, "Metadata-Version: 2.1\nName: Acme-Heads\nVersion: 1.0")
    distribution("b", "acme_heads-2.0.dist-info", "[gan_recipe]\nold = x\n", "Name: acme-heads\nVersion: 2.0")
    distribution("b", "eggy-0.1-py3.11.egg-info", "[gan_recipe]\negg = eggy\n", "Name: eggy\nVersion: 0.1")
    distribution("b", "silent-1.0.dist-info", None, "Name: silent\nVersion: 1.0")
    distribution("b", "empty-1.0.dist-info", "", "Name: empty\nVersion: 1.0")
    (tmp_path / "b" / "gan_recipe.txt").write_text("[gan_recipe]\nno = no\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "none"), str(tmp_path / "b")])
    expected = asked("gan_recipe", sys.path)
    assert {name for name, _, _ in expected} == {"acme", "second", "egg"}
    assert quickly("gan_recipe") == expected


def test_where_metadata_is_no_plain_folder_importlib_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip archive on the path has its entry points, too."""
    import zipfile

    archive = tmp_path / "zipped.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("zipped-1.0.dist-info/METADATA", "Name: zipped\nVersion: 1.0\n\n")
        file.writestr("zipped-1.0.dist-info/entry_points.txt", "[gan_recipe]\nzipped = zipped\n")
    monkeypatch.syspath_prepend(archive)
    assert ("zipped", "zipped", "zipped 1.0") in quickly("gan_recipe")


def test_an_entry_point_loads_what_it_names() -> None:
    """A module, an attribute, an attribute of an attribute; extras are no part of it."""
    assert EntryPoint("x", "gan_recipe.interfaces", told="").load() is sys.modules["gan_recipe.interfaces"]
    assert EntryPoint("x", "gan_recipe.interfaces:Data [extra]", told="").load() is Data
    assert EntryPoint("x", "gan_recipe.interfaces:Data.fields", told="").load() is Data.fields
