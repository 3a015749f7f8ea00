"""Recipes as they are written: found by name, merged by ``extends``, overridden, every key with who states it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gan_recipe.errors import RecipeError, UserError
from gan_recipe.language.recipe_file import find_recipe, load, plain, shipped_recipes
from gan_recipe.language.toml_file import Key

Write = Callable[..., str]
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

scalars = st.one_of(st.integers(-9, 9), st.booleans(), st.sampled_from(["x", "linear_fc", ""]), st.just([1, 2]))
words = st.sampled_from(["a", "b", "c", "use"])
tables = st.recursive(
    st.dictionaries(words, scalars, max_size=3),
    lambda inner: st.dictionaries(words, st.one_of(scalars, inner), max_size=3),
    max_leaves=8,
)


def merged(below: Any, above: Any) -> Any:
    """The rule as one would tell it: a table without ``use`` is laid over a table, key by key; all else replaces."""
    if not isinstance(below, dict) or not isinstance(above, dict) or "use" in above:
        return above
    return {name: merged(below[name], above[name]) if name in above and name in below else (above | below)[name]
            for name in below | above}  # fmt: skip


def leaves(values: Any, at: Key = ()) -> dict[Key, Any]:
    if not isinstance(values, dict):
        return {at: values}
    return {key: leaf for name, inner in values.items() for key, leaf in leaves(inner, (*at, name)).items()}


@pytest.fixture
def family(write: Write) -> Callable[..., str]:
    """Writes tables as recipes that extend each other, the first the oldest; gives the youngest's name."""

    def family(*generations: dict[str, Any]) -> str:
        for index, values in enumerate(generations):
            extends = {"extends": f"r{index - 1}.toml"} if index else {}
            write(tomli_w.dumps(extends | values), f"r{index}.toml")
        return f"r{len(generations) - 1}.toml"

    return family


@many
@given(parent=tables)
def test_extending_with_nothing_changes_nothing(parent: dict[str, Any], family: Callable[..., str]) -> None:
    """Neither tables nor who states what."""
    alone, extended = load(family(parent)), load(family(parent, {}))
    assert extended.tables == alone.tables == parent
    assert extended.origins == alone.origins


@many
@example(generations=[{"a": {"b": 1}}, {"a": {"use": "x"}}])
@example(generations=[{"a": {"use": "x", "b": 1}}, {"a": {"c": 2}}])
@given(generations=st.lists(tables, min_size=2, max_size=3))
def test_tables_merge_and_what_states_use_replaces(
    generations: list[dict[str, Any]], family: Callable[..., str]
) -> None:
    """Against the rule written down once more; and what the youngest states always wins."""
    generations = [{name: value for name, value in each.items() if name != "use"} for each in generations]
    expected: Any = generations[0]
    for above in generations[1:]:
        expected = merged(expected, above)
    found = load(family(*generations))
    assert found.tables == expected
    for key, value in leaves(generations[-1]).items():
        at: Any = found.tables
        for name in key:
            at = at[name]
        assert at == value


@many
@given(generations=st.lists(tables, min_size=1, max_size=3))
def test_every_key_has_the_file_and_line_that_state_it(
    generations: list[dict[str, Any]], family: Callable[..., str]
) -> None:
    """The line named holds the key, in the youngest file that states it and was not replaced."""
    found = load(family(*generations))
    for key, value in leaves(found.tables).items():
        origin = found.origin(key)
        name, _, line = origin.where.partition(":")
        text = Path(name).read_text()
        stated: Any = tomllib.loads(text)
        for part in key:
            stated = stated[part]
        assert stated == value
        if key:
            assert key[-1] in text.split("\n")[int(line) - 1]
        younger = generations[int(name[1]) + 1 :]
        assert not any(key in leaves(each) for each in younger)
    for key in found.origins:
        within: Any = found.tables
        for part in key:
            assert part in within, f"{key} was replaced, and nobody states it"
            within = within[part]


def test_relative_paths_start_at_the_file_that_states_them(write: Write) -> None:
    """A parent's keys keep the parent's folder."""
    write('[data]\na = { folder = "x" }\n', "below/parent.toml")
    write('extends = "below/parent.toml"\n[data]\nb = { folder = "y" }\n', "child.toml")
    found = load("child.toml")
    assert found.origin(("data", "a", "folder")).folder == Path("below")
    assert found.origin(("data", "b", "folder")).folder == Path()


@many
@given(values=tables)
def test_plain_text_reads_back_as_the_same(values: dict[str, Any], write: Write) -> None:
    """What a run keeps of its recipe is its recipe."""
    assert load(write(plain(values))).tables == values


# --------------------------------------------------------------------------------------------------- finding


def test_every_shipped_recipe_is_found_by_bare_name(write: Write) -> None:
    """And with the folder and suffix that a checkout has, wherever one stands; a file of that name comes first."""
    shipped = shipped_recipes()
    assert "d_supervised" in shipped
    for name, path in shipped.items():
        for stated in (name, f"{name}.toml", f"recipes/{name}.toml"):
            assert find_recipe(stated) == path
    write("", "dcgan.toml")
    assert find_recipe("dcgan.toml") == Path("dcgan.toml")
    assert find_recipe("dcgan") == shipped["dcgan"]


@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ("dcgann", "Did you mean 'dcgan'?"),
        ("my_recipe", "Did you mean 'my_recipe.toml'?"),
        ("my_recipy.toml", "Did you mean 'my_recipe.toml'?"),
        ("folder", "is a folder; a recipe is a .toml file"),
        ("", "name is empty. `gan-recipe recipes` lists"),
        ("zzz", "`gan-recipe recipes` lists the shipped ones"),
        ("notes.txt", "the name of a recipe's file ends with .toml"),
        ("x" * 5_000, "there is no recipe"),
        ("x" * 5_000 + ".toml", "there is no recipe"),
        ("\0", "there is no recipe"),
        ("folder/none.toml", "there is no recipe"),
    ],
)
def test_a_recipe_that_is_not_there_is_told_with_the_nearest(write: Write, stated: str, told: str) -> None:
    """Among the files beside it and the shipped ones; no name is too strange to be told."""
    write("", "my_recipe.toml")
    write("", "notes.txt")
    os.mkdir("folder")
    with pytest.raises(UserError) as caught:
        find_recipe(stated)
    assert told in str(caught.value)


# --------------------------------------------------------------------------------------------------- extends


def refused(stated: str) -> str:
    with pytest.raises(RecipeError) as caught:
        load(stated)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_a_recipe_that_extends_itself_is_told_at_the_line_that_closes_the_circle(write: Write) -> None:
    """Directly, by another spelling of its path, and through others, with the whole way round."""
    write('# x\nextends = "a.toml"\n', "a.toml")
    assert refused("a.toml").startswith("a.toml:2: extends: the recipe extends itself: a.toml -> a.toml")
    write('extends = "../sub/a.toml"\n', "sub/a.toml")
    assert refused("sub/a.toml").startswith("sub/a.toml:1: extends: the recipe extends itself")
    write('extends = "c.toml"\n', "b.toml")
    write('\n\nextends = "b.toml"\n', "c.toml")
    write('extends = "b.toml"\n', "d.toml")
    assert refused("d.toml").startswith("c.toml:3: extends: the recipe extends itself: b.toml -> c.toml -> b.toml")


@pytest.mark.parametrize(
    ("extends", "told"),
    [
        ('"parrent.toml"', "Did you mean 'parent.toml'?"),
        ('"dcgn"', "Did you mean 'dcgan'?"),
        ("7", "expected the path of a recipe, not 7"),
        ('""', "there is no recipe ''"),
        ('"' + "x" * 5_000 + '"', "there is no recipe"),
        ('"\\u0000"', "there is no recipe"),
    ],
)
def test_a_recipe_to_extend_that_is_not_there_is_told_with_the_nearest(write: Write, extends: str, told: str) -> None:
    """Beside the file and among the shipped ones; never the file itself."""
    write("", "parent.toml")
    message = refused(write(f"[run]\n\nextends = {extends}\n".replace("[run]\n", ""), "child.toml"))
    assert message.startswith("child.toml:2: extends: ") and told in message


def test_a_shipped_recipe_can_be_extended_by_bare_name(write: Write) -> None:
    """From any folder; errors in a parent name the parent's file."""
    found = load(write('extends = "dcgan"\n[run]\nrounds = 3\n', "mine.toml"))
    assert found.tables["run"]["rounds"] == 3 and "generator" in found.tables["networks"]
    assert found.name == "mine" and found.origin(("run", "rounds")).where == "mine.toml:3"
    assert found.origin(("networks", "generator")).where.partition(":")[0].endswith("recipes/dcgan.toml")
    write("a = \n", "bad.toml")
    assert refused(write('extends = "bad.toml"\n', "child.toml")).startswith("bad.toml:1: this is no TOML")


def test_a_long_line_of_recipes_is_refused(write: Write) -> None:
    """64 extend each other, 65 do not; there is no recursion to run out of."""
    for index in range(70):
        write(f'extends = "r{index - 1}.toml"\n' if index else "[run]\nrounds = 1\n", f"r{index}.toml")
    assert load("r63.toml").tables == {"run": {"rounds": 1}}
    assert "more than 64 recipes extend each other" in refused("r69.toml")
