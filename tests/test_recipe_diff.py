"""The difference of two recipes: its laws, its terms, and how ``gan-recipe diff`` shows it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.cli.diff import change_lines
from gan_recipe.components.registry import Registry
from gan_recipe.errors import AmbiguousNameError, UserError
from gan_recipe.language.check import resolved
from gan_recipe.language.recipe_defaults import RecipeDefaults
from gan_recipe.language.recipe_diff import Change, difference, is_same
from gan_recipe.language.recipe_file import find_recipe, shipped_recipes
from gan_recipe.runs.check_recipe import check

Run = Callable[..., Any]
Write = Callable[..., str]
Tables = dict[str, Any]

scalars = st.one_of(
    st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 0.5, 1.0]), st.text("ab", max_size=2), st.just("\x1b[31m")
)
values = st.recursive(
    scalars | st.lists(scalars, max_size=2),
    lambda inner: st.dictionaries(st.sampled_from(["use", "a", "b", "c d", "é"]), inner, max_size=3),
    max_leaves=8,
)
tables = st.dictionaries(st.sampled_from(["run", "networks", "players", "metrics", "z"]), values, max_size=3)


# ------------------------------------------------------------------------------------------------------- laws


@given(tables)
def test_a_recipe_does_not_differ_from_itself(one: Tables) -> None:
    """Nor from its copy with every table's lines in another order."""
    assert difference(one, one) == []
    assert difference(one, shuffled(one)) == []


@given(tables, tables)
def test_the_difference_is_all_there_is(one: Tables, other: Tables) -> None:
    """Applied to the first recipe, it makes the second."""
    made = copy.deepcopy(one)
    for change in difference(one, other):
        table = made
        for name in change.key[:-1]:
            table = table.setdefault(name, {})
        if change.after is None:
            del table[change.key[-1]]
        else:
            table[change.key[-1]] = change.after
    assert is_same(without_empty(made), without_empty(other))


@given(tables, tables)
def test_the_difference_is_the_same_from_the_other_side(one: Tables, other: Tables) -> None:
    """With before and after exchanged, and whatever the order of lines."""
    there = difference(one, other)
    assert [Change(change.key, change.after, change.before) for change in difference(other, one)] == there
    assert difference(shuffled(one), shuffled(other)) == there


@given(tables, tables)
def test_nothing_is_told_twice_and_every_change_is_one(one: Tables, other: Tables) -> None:
    """No key lies within another's, and both sides of a change differ."""
    found = difference(one, other)
    keys = [change.key for change in found]
    assert all(a == b or a != b[: len(a)] for a in keys for b in keys) and len(set(keys)) == len(keys)
    for change in found:
        assert None in (change.before, change.after) or not is_same(change.before, change.after)


@given(tables, tables, st.integers(24, 90))
def test_what_is_shown_fits_the_page_and_steers_no_terminal(one: Tables, other: Tables, columns: int) -> None:
    """Every line, however narrow, is printable once its colours are taken off."""
    changes = difference(one, other)
    lines = [click.unstyle(line) for line in change_lines(changes, columns)]
    assert all(len(line) <= columns and line.isprintable() for line in lines)
    assert len(lines) >= len(changes)


def shuffled(table: Any) -> Any:
    if not isinstance(table, dict):
        return table
    names = random.Random(0).sample(list(table), len(table))
    return {name: shuffled(table[name]) for name in reversed(names)}


def without_empty(table: Any) -> Any:
    """The tables that hold something: one with no entry says as much as none."""
    if not isinstance(table, dict):
        return table
    kept = {name: without_empty(value) for name, value in table.items()}
    return {name: value for name, value in kept.items() if value != {}}


# ------------------------------------------------------------------------------------------------------- terms


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "weight = { from = 1, to = 0.5, over = 4 }",
            "weight = 5",
            ("players.generator.losses.gan.weight", "{ from = 1, to = 0.5, over = 4 }", "5"),
        ),
        ("to = 0.5, over", "to = 0.7, over", ("players.generator.losses.gan.weight.to", "0.5", "0.7")),
        ('fake = "score", real_label = 0.9', 'fake = "score"', ("players.critic.losses.gan.real_label", "0.9", "1.0")),
        (", every = 2 }", " }", ("players.critic.losses.r1.every", "2", "1")),
        ("rows = 2\n", "", ("sheet.rows", "2", "8")),
        ("observers = []", "", ("run.observers", "[]", '["tensorboard"]')),
        ("ema = 0.9\n", "", ("players.generator.ema", "0.9", None)),
        ('seen = "trunk(point)"', 'seen = "trunk(toy.point)"', ("values.seen", '"trunk(point)"', '"trunk(toy.point)"')),
        ('trains = ["generator"]', "trains = []", ("players.generator.trains", '["generator"]', "[]")),
        (
            '{ use = "sgd", lr = 0.1 }',
            '{ use = "rmsprop", lr = 0.1 }',
            ("players.generator.optimizer", '{ use = "sgd", … }', '{ use = "rmsprop", … }'),
        ),
        (
            'losses.mode = { use = "cross_entropy", logits = "mode_head(seen)", labels = "toy.mode" }\n',
            "",
            (
                "players.critic.losses.mode",
                '{ use = "cross_entropy", logits = "mode_head(seen)", labels = "toy.mode" }',
                None,
            ),
        ),
        ("amsgrad = false", "amsgrad = true", ("players.critic.optimizer.amsgrad", "false", "true")),
        ("sd = 0.1", "sd = 0.10", None),
        ("rounds = 6", "rounds = 6\nseed = 0", None),
        ("[sheet]", "[doctor]\nevery = 50\n\n[sheet]", None),
        ("[sheet]", "[doctor]\nagain = 3\n\n[sheet]", ("doctor.again", "2000", "3")),
        ("over = 4 }", 'over = 4, begin = 0, shape = "linear" }', None),
    ],
)
def test_a_change_is_told_in_the_recipes_terms(
    write: Write, ring: str, registry: Registry, before: str, after: str, told: tuple[str | None, ...] | None
) -> None:
    """One setting that changes is one change; what is not stated counts as its default, where that is known."""
    assert before in ring
    write(ring)
    write(ring.replace(before, after), "other.toml")
    found = difference(resolved("ring.toml", registry), resolved("other.toml", registry), RecipeDefaults(registry))
    assert [(change.name, *change.told) for change in found] == ([told] if told else [])


def test_an_entry_that_only_one_recipe_has_is_one_change() -> None:
    """A table of entries tells each of them; a table of settings is told whole."""
    player = {"trains": ["a"], "losses": {"l1": {"use": "l1"}, "l2": {"use": "l2"}}}
    found = difference({}, {"players": {"x": player}, "sheet": {"rows": 2}, "schedule": {"use": "together"}})
    assert [change.name for change in found] == [
        "players.x.losses.l1",
        "players.x.losses.l2",
        "players.x.trains",
        "schedule",
        "sheet.rows",
    ]


def test_a_run_does_not_differ_from_the_recipe_that_made_it(registry: Registry, tmp_path: Path) -> None:
    """For every shipped recipe, whose relative paths a run keeps as absolute ones."""
    from gan_recipe.language.recipe_file import plain

    for name in shipped_recipes():
        tables = resolved(name, registry)
        kept = tmp_path / "recipe.toml"
        kept.write_text(plain(tables))
        assert difference(tables, resolved(str(kept), registry), RecipeDefaults(registry)) == [], name


def test_resolved_tables_of_a_sound_recipe_are_those_that_its_run_keeps(
    write: Write, ring: str, registry: Registry
) -> None:
    """And one that is unsound, down to a misspelt table that holds a path, has tables all the same."""
    write(ring)
    assert resolved("ring.toml", registry) == check("ring.toml", (), registry).resolved_tables
    wrong = '[dat.faces]\nuse = "image_folder"\nfolder = "x"\npattern = "(?P<who>.)"\nidentity = "who"\n'
    write(wrong, "wrong.toml")
    assert resolved("wrong.toml", registry)["dat"]["faces"]["folder"] == "x"


# ------------------------------------------------------------------------------------------------------- the command


def test_recipes_and_runs_are_compared_by_every_name_that_they_have(gan_recipe: Run, write: Write, ring: str) -> None:
    """Files, shipped recipes, runs by name, number and path; exit code 0 whether or not they differ."""
    write(ring)
    write('extends = "ring.toml"\n[players.critic.losses.r1]\nweight = 5\n', "strong.toml")
    assert gan_recipe("run", "ring.toml", "--quiet", "--name", "first", "-s", "run.rounds=2").code == 0
    done = gan_recipe("diff", "ring.toml", "strong.toml")
    assert (done.code, done.out) == (0, "players.critic.losses.r1.weight  1.0 -> 5\n")
    for run in ("first", "first/1", "runs/first/1"):
        assert gan_recipe("diff", "ring.toml", run).out == "run.rounds  6 -> 2\n"
    assert gan_recipe("diff", "first", "first/1").out == "the run first/1 and the run first/1 do not differ.\n"
    assert "networks.trunk" in gan_recipe("diff", "siamese", "wgan").out


def test_what_cannot_be_compared_is_told(gan_recipe: Run, write: Write, ring: str, tmp_path: Path) -> None:
    """Exit code 2 and the nearest name; an unsound recipe can be compared, one that is no TOML cannot."""
    write(ring)
    write("[run\n", "torn.toml")
    write(ring.replace('trunk = { use = "linear_fc"', 'trunk = { start = "nobody@3", use = "linear_fc"'), "orphan.toml")
    (tmp_path / "runs" / "empty" / "1").mkdir(parents=True)
    for words, told in [
        (("ring.toml", "rong.toml"), "there is no recipe 'rong.toml'"),
        (("ring.toml", "torn.toml"), "torn.toml:1: this is no TOML"),
        (("ring.toml", "dcgam"), "there is neither a recipe nor a run 'dcgam'. Did you mean 'dcgan'?"),
        (("d_sup", "ring.toml"), "'d_sup' may be any of 2 recipes: d_supervised, d_supervised_literal. State more"),
        (("ring.toml", "empty/1"), "empty/1 keeps no recipe"),
        (("ring.toml", "\x1b[31m"), "'\\x1b[31m'"),
    ]:
        done = gan_recipe("diff", *words)
        assert done.code == 2 and told in done.err, done
    done = gan_recipe("diff", "ring.toml", "orphan.toml")
    assert (done.code, done.out) == (0, 'networks.trunk.start  added "nobody@3"\n')


def test_the_beginning_of_a_name_finds_a_shipped_recipe(write: Write, tmp_path: Path, monkeypatch: Any) -> None:
    """When only one begins so; one in which a word ends there comes first; a file of one's own is never passed over."""
    names = ["notebook/n01_first", "notebook/n02_second", "notebook/n1_x", "notebook/n10_y", "dcgan", "zoo/dcgan_big"]
    shipped = {name: tmp_path / f"{name}.toml" for name in names}
    monkeypatch.setattr("gan_recipe.language.recipe_file.shipped_recipes", lambda: shipped)
    for stated, found in {
        "n01": "notebook/n01_first",
        "n02_sec": "notebook/n02_second",
        "n1": "notebook/n1_x",
        "n10": "notebook/n10_y",
        "notebook/n01": "notebook/n01_first",
        "dcgan": "dcgan",
        "dcgan_b": "zoo/dcgan_big",
    }.items():
        assert find_recipe(stated) == shipped[found]
    with pytest.raises(AmbiguousNameError, match="'n0' may be any of 2 recipes: notebook/n01_first, notebook/n02_sec"):
        find_recipe("n0")
    for stated in ("n03", "n01.toml", "first", ".", "(", "notebook/"):
        with pytest.raises(UserError):
            find_recipe(stated)
    write("", "n01.toml")
    with pytest.raises(UserError, match=r"Did you mean 'n01\.toml'"):
        find_recipe("n01")
