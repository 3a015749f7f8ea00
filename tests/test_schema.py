"""The JSON Schema takes every sound recipe and refuses broken ones, and tells what ``show`` tells."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from typing import Any, Literal

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gan_recipe.cli.program import cli
from gan_recipe.components.documentation import example
from gan_recipe.components.registry import Registry
from gan_recipe.interfaces import ClassCount
from gan_recipe.language.recipe_file import shipped_folder
from gan_recipe.language.schema import recipe_schema
from gan_recipe.language.structure import Surroundings, structure
from gan_recipe.language.type_schema import type_schema

REGISTRY = Registry.installed()
SCHEMA = recipe_schema(REGISTRY)
CHECKER = Draft202012Validator(SCHEMA)
SHIPPED = sorted(shipped_folder().rglob("*.toml"))


def complaints(text: str) -> list[str]:
    return [error.message for error in CHECKER.iter_errors(tomllib.loads(text))]


def test_it_is_a_schema() -> None:
    """Of the dialect that it names."""
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.relative_to(shipped_folder()).as_posix())
def test_every_shipped_recipe_is_valid(path: Any) -> None:
    """Whole ones, those that extend another, and overlays."""
    assert complaints(path.read_text()) == []


def test_the_tiny_recipe_is_valid(ring: str) -> None:
    """It states something at every level."""
    assert complaints(ring) == []


BROKEN = {
    "a table that is none": ("[sheet]", "[sheets]"),
    "a key that is none": ("rounds = 6", "rounds = 6\nround = 6"),
    "a text for a number": ("rounds = 6", 'rounds = "6"'),
    "a number out of bounds": ("batch = 8", "batch = 0"),
    "a fraction for a count": ("batch = 8", "batch = 8.5"),
    "none of the choices": ('precision = "float32"', 'precision = "float16"'),
    "an observer that is not installed": ("observers = []", 'observers = ["tensorbord"]'),
    "rounds missing": ("rounds = 6", ""),
    "a component that is none": ('"toy_2d"', '"toy_3d"'),
    "a component of another kind": ('"toy_2d"', '"linear_fc"'),
    "a setting that is none": ("modes = 4", "mode = 4"),
    "a setting of another type": ("modes = 4", 'modes = "four"'),
    "a required setting missing": ('"toy_2d", modes = 4, sd = 0.1', '"image_folder"'),
    "a read missing": (', fake = "score", real_label', ", real_label"),
    "a read that is a number": ('fake = "score", real_label', "fake = 7, real_label"),
    "no use": ('use = "linear_fc", outputs = 8', "outputs = 8"),
    "an optimiser that is none": ('"adam"', '"adan"'),
    "an option that is none": ("amsgrad", "amsgard"),
    "an option out of bounds": ("betas = [0.5, 0.9]", "betas = [0.5, 1.5]"),
    "a pair of three": ("betas = [0.5, 0.9]", "betas = [0.5, 0.9, 0.9]"),
    "no rate": ('"sgd", lr = 0.1', '"sgd"'),
    "no optimizer": ('optimizer = { use = "sgd", lr = 0.1 }', ""),
    "an average that is none": ("ema = 0.9", "ema = 1"),
    "a ramp without an end": ("from = 1, to = 0.5, over = 4", "from = 1, over = 4"),
    "every 0": ("every = 2", "every = 0"),
    "a constraint on nothing": ('on = ["verdict"]', "on = []"),
    "a list for a name": ('trains = ["generator"]', 'trains = "generator"'),
    "a value that is a number": ('fake = "generator(z)"', "fake = 7"),
    "no schedule": ('[schedule]\nuse = "every"\nperiods = { critic = 2 }', ""),
    "a baseline of nothing": ("baseline.output", "baseline.outputs"),
    "a name that no expression can read": ("seen =", '"se en" ='),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_recipes_are_refused(what: str, ring: str) -> None:
    """One slip each, of those that names, types and bounds can tell."""
    old, new = BROKEN[what]
    assert old in ring
    assert complaints(ring.replace(old, new)), what


def test_a_recipe_that_extends_states_parts_of_tables() -> None:
    """Without ``use`` the known keys of its kind may be stated, and no others; with ``use`` a table is whole."""
    head = 'extends = "dcgan"\n'
    assert complaints(head + "players.critic.losses.gan.weight = 0\nnetworks.trunk.width = 0.5\nrun.batch = 4") == []
    assert complaints(head + 'schedule = { use = "n_critic" }\nplayers.critic.optimizer.lr = 1e-3') == []
    assert complaints(head + "players.critic.losses.gan.wieght = 0")
    assert complaints(head + 'networks.trunk = { use = "timm_encoder" }')  # 'name' must be stated
    assert complaints(head + "players.critic.losses.gan.every = 0")


@pytest.mark.parametrize("name", sorted(REGISTRY.every()))
def test_the_example_of_every_component_is_valid(name: str) -> None:
    """As part of a recipe that extends another."""
    assert complaints('extends = "dcgan"\n' + example(name, REGISTRY.every()[name])) == []


def test_editors_are_told_what_show_tells() -> None:
    """Names enumerated, and each setting with its type, default and comment."""
    loss = SCHEMA["$defs"]["loss"]
    assert {"bce_critic", "wgan_gp"} <= set(loss["properties"]["use"]["enum"])
    (gp,) = [table for table in loss["anyOf"] if table["title"] == "wgan_gp"]
    assert gp["description"].startswith("The critic's slope on the way from real to fake")
    target = gp["properties"]["target"]
    assert (target["type"], target["default"]) == ("number", 1.0) and target["description"].startswith("The slope that")
    assert gp["required"] == ["use", "critic", "real", "fake"]


@attrs.frozen
class Inner:
    """A table in a table."""

    #: A count.
    count: int


TYPES: list[Any] = [
    bool,
    int,
    float,
    str,
    Literal["a", "b"],
    tuple[int, ...],
    tuple[float, float],
    dict[str, int],
    Inner,
]
TYPES += [int | None, int | tuple[int, ...], ClassCount, dict[str, int | tuple[int, ...]], float | str, Literal[1, 3]]
VALUES = st.recursive(
    st.one_of(
        st.booleans(), st.integers(-3, 5), st.floats(-2, 2).filter(lambda x: x != int(x)), st.sampled_from("abc")
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "count"]), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(expected=st.sampled_from(TYPES), value=VALUES)
def test_a_type_in_the_schema_takes_what_check_takes(expected: Any, value: Any) -> None:
    """For any value: ``structure`` makes a setting of it if and only if the schema finds nothing wrong."""
    cls = attrs.make_class("Made", {"setting": attrs.field(type=expected)}, frozen=True)
    problems: list[str] = []
    around = Surroundings(
        lambda key, what: problems.append(what), lambda key: None, {"data.a": 3, "data.b": 2, "data.c": 2}
    )  # type: ignore[arg-type, return-value]
    taken = structure(cls, {"setting": value}, (), around) is not None and not problems
    assert taken == Draft202012Validator(type_schema(expected)).is_valid(value)


def test_the_command_prints_it_or_writes_it(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """As JSON; a file that cannot be written is told."""
    monkeypatch.chdir(tmp_path)
    cli.main(["schema"], standalone_mode=False)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(SCHEMA))
    cli.main(["schema", "-o", "recipe.schema.json"], standalone_mode=False)
    assert json.loads((tmp_path / "recipe.schema.json").read_text())["title"] == SCHEMA["title"]
    assert "#:schema ./recipe.schema.json" in capsys.readouterr().out


def test_a_strangers_component_is_in_the_schema(write: Callable[..., str]) -> None:
    """Behind its namespace: the schema is of what is installed here."""
    import sys

    from gan_recipe.components.entry_points import EntryPoint, entry_points

    name = write("from gan_recipe import *\nfrom attrs import frozen\n@frozen\nclass X(Loss):\n '''Ten.'''\n"
                 " def __call__(self, fake): ...\n@hookimpl\ndef gan_recipe_components(): return {'x': X}\n",
                 "plugin_in_schema.py")  # fmt: skip
    sys.path.insert(0, ".")
    try:
        registry = Registry.of([*entry_points("gan_recipe"), EntryPoint("acme", name.removesuffix(".py"), told="a 1")])
        assert "acme.x" in recipe_schema(registry)["$defs"]["loss"]["properties"]["use"]["enum"]
    finally:
        sys.path.remove(".")
