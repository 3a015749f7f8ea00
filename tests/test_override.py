"""Settings changed from outside a recipe, by ``-s`` and by overlays."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, UserError
from gan_recipe.language.override import find_overlay, read
from gan_recipe.language.recipe_file import RecipeFile
from gan_recipe.language.settable import settings_of
from gan_recipe.language.toml_file import Key
from gan_recipe.runs.check_recipe import check

Write = Callable[..., str]


def changed(stated: str, overrides: Iterable[str] = (), overlays: Iterable[str] = ()) -> RecipeFile:
    """The recipe with everything laid over it; raises what is wrong with that."""
    recipe, problems = read(stated, overrides, overlays, settings_of(Registry.installed()))
    if problems:
        raise RecipeError(problems)
    return recipe


def refused(stated: str, *overrides: str, overlays: Iterable[str] = ()) -> str:
    with pytest.raises(RecipeError) as caught:
        changed(stated, overrides, overlays)
    assert len(caught.value.problems) == 1
    return str(caught.value)


STATED = """\
[run]
rounds = 1
[networks]
f = { use = "linear_fc", outputs = 2 }
[players.critic]
losses.gan = { use = "bce_critic", weight = { from = 0, to = 1, over = 5 } }
"""


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("run.rounds=5", ("run", "rounds"), 5),
        ("run.rounds = 5 ", ("run", "rounds"), 5),
        ("run.batch=64", ("run", "batch"), 64),
        ("run.precision=bf16", ("run", "precision"), "bf16"),
        ('run.precision="bf16"', ("run", "precision"), "bf16"),
        ("run.precision=", ("run", "precision"), ""),
        ("networks.f.outputs=label", ("networks", "f", "outputs"), "label"),
        ("networks.f={use='one_hot'}", ("networks", "f"), {"use": "one_hot"}),
        ("players.critic.losses.gan.weight.to=2", ("players", "critic", "losses", "gan", "weight", "to"), 2),
        ("players.critic.losses.gan.weight=2", ("players", "critic", "losses", "gan", "weight"), 2),
        ('run."rounds"=5', ("run", "rounds"), 5),
        ("run.rounds=a = b", ("run", "rounds"), "a = b"),
        ("run.rounds=1\nseed = 2", ("run", "rounds"), "1\nseed = 2"),
    ],
)
def test_an_override_changes_one_key_and_names_itself(write: Write, override: str, key: Key, value: Any) -> None:
    """The value is TOML, or the text itself where quotes were left out; everything else stays."""
    before = changed(write(STATED))
    after = changed("ring.toml", [override])
    expected = copy.deepcopy(before.tables)
    table: Any = expected
    for name in key[:-1]:
        table = table[name]
    table[key[-1]] = value
    assert after.tables == expected
    assert after.origin(key).where == f"-s {override}"
    assert after.origins.keys() - before.origins.keys() <= {key}


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("networks.g.outputs=2", "networks has no 'g': a change is made to what is there, it adds nothing."),
        ("networks.g={use='linear_fc'}", "networks has no 'g': a change is made to what is there"),
        ("networks={g={use='linear_fc'}}", "networks has no 'g': a change is made to what is there"),
        ("players.critc.ema=0.9", "Did you mean 'critic'?"),
        ("players.critic.losses.wgan.weight=1", "players.critic.losses has no 'wgan'"),
        ("sheet.rows=2", "the recipe has no 'sheet'"),
        ("run.rounds.x=2", "run.rounds is 1, which holds no 'x'"),
        ("run.rounds=nan", "run.rounds: nan is not a finite number"),
        ("run.x=[{y=-inf}]", "-inf is not a finite number"),
        ("run.rounds=99999999999999999999", "does not fit 64 bits"),
        ("run.x=" + "{a=" * 100 + "1" + "}" * 100, "nested more than 16 deep"),
        ("run.x=" + "[" * 100 + "]" * 100, "nested more than 16 deep"),
        ("rounds", "expected key=value"),
        ("=5", "expected key=value"),
        ("run..rounds=5", "expected key=value"),
        ("run.=5", "expected key=value"),
        ("# x=5", "expected key=value"),
        ("a\nb=5", "expected key=value"),
        ("a." * 100_000 + "b=1", "expected key=value"),
    ],
)
def test_an_override_that_invents_or_is_none_is_told(write: Write, override: str, told: str) -> None:
    """With itself as the place, cut when it is long, and the recipe untouched."""
    message = refused(write(STATED), override)
    assert message.startswith("-s ") and told in message and len(message) < 400


def test_all_overrides_are_told_at_once(write: Write) -> None:
    """Each wrong one; the others are as good as applied."""
    with pytest.raises(RecipeError) as caught:
        changed(write(STATED), ["networks.g.outputs=2", "run.rounds=3", "x"])
    assert [problem.where for problem in caught.value.problems] == ["-s networks.g.outputs=2", "-s x"]


def test_a_star_changes_every_name_that_has_the_setting(write: Write, ring: str) -> None:
    """Whether it is stated or not; those that lack it stay as they are."""
    write(ring)
    found = changed(
        "ring.toml", ["networks.*.outputs=3", "players.*.losses.*.weight=2", "players.*.optimizer.betas=[0,0.9]"]
    )
    assert {name: table["outputs"] for name, table in found.tables["networks"].items()} == dict.fromkeys(
        ("generator", "trunk", "verdict", "mode_head"), 3
    )
    for player in found.tables["players"].values():
        assert {loss["weight"] for loss in player["losses"].values()} == {2}
    assert found.tables["players"]["critic"]["optimizer"]["betas"] == [0, 0.9]
    assert "betas" not in found.tables["players"]["generator"]["optimizer"]
    assert found.origin(("networks", "verdict", "outputs")).where == "-s networks.*.outputs=3"
    assert changed("ring.toml", ["data.*.size=3"]).tables["data"] == {
        "toy": {"use": "toy_2d", "modes": 4, "sd": 0.1},
        "noise": {"use": "noise", "size": 3, "field": "z"},
    }


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("networks.*.width=0.25", "nothing at networks.* has a setting 'width'."),
        ("networks.*.outptus=3", "Did you mean 'outputs'?"),
        ("nets.*.outputs=3", "the recipe has nothing at nets.*"),
        ("players.*.losses.*.margin=3", "nothing at players.*.losses.* has a setting 'margin'"),
    ],
)
def test_a_star_that_matches_nothing_is_told(write: Write, ring: str, override: str, told: str) -> None:
    """With the nearest setting, for silence would be taken for a change."""
    message = refused(write(ring), override)
    assert message.startswith(f"-s {override}: ") and told in message


def test_an_overlay_is_laid_over_a_recipe_and_under_the_overrides(write: Write, ring: str) -> None:
    """As lines of -s would be, each with the overlay's own line; a table that states `use` replaces."""
    write(ring)
    write(
        '[run]\nrounds = 4\nbatch = 2\n[networks."*"]\noutputs = 5\n'
        '[players.critic]\nlr_schedule = { use = "step", step_size = 2 }\n',
        "over.toml",
    )
    found = changed("ring.toml", ["run.batch=3"], ["over.toml"])
    assert found.tables["run"]["rounds"] == 4 and found.tables["run"]["batch"] == 3
    assert found.tables["networks"]["trunk"]["outputs"] == 5
    assert found.tables["players"]["critic"]["lr_schedule"] == {"use": "step", "step_size": 2}
    assert found.origin(("run", "rounds")).where == "over.toml:2"
    assert found.origin(("networks", "trunk", "outputs")).where == "over.toml:5"
    assert found.name == "ring"


@pytest.mark.parametrize(
    ("over", "told"),
    [
        ('[networks."*"]\nwidth = 0.25\n', "over.toml:2: nothing at networks.* has a setting 'width'"),
        ("[networks.encoder]\nwidth = 0.25\n", "over.toml:2: networks has no 'encoder'"),
        ("[run]\n\nrounds = nan\n", "over.toml:3: run.rounds: nan is not a finite number"),
        ('extends = "ring.toml"\n', "over.toml:1: an overlay extends nothing"),
        ("[run]\n", "over.toml:1: this overlay changes nothing"),
        ("a = \n", "over.toml:1: this is no TOML"),
    ],
)
def test_an_overlay_that_invents_or_matches_nothing_is_told_at_its_line(
    write: Write, ring: str, over: str, told: str
) -> None:
    """A wrong overlay is found before anything is trained, as a wrong recipe is."""
    write(over, "over.toml")
    assert refused(write(ring), overlays=["over.toml"]).startswith(told)


def test_what_an_overlay_makes_wrong_is_told_at_the_overlays_line(write: Write, ring: str) -> None:
    """The check knows who stated what."""
    write("[run]\nbatch = 0\n", "over.toml")
    with pytest.raises(RecipeError) as caught:
        check(write(ring), overlays=["over.toml"])
    assert str(caught.value) == "over.toml:2: run.batch: expected at least 1, not 0"


def test_an_overlay_that_is_not_there_is_told_with_the_nearest(write: Write) -> None:
    """A path, or the bare name of a shipped one."""
    write("", "near.toml")
    assert find_overlay("near.toml") == Path("near.toml")
    assert find_overlay("small") == find_overlay("small.toml") and find_overlay("small").is_file()
    for stated in ("smal", "x\0", "x" * 5_000, ""):
        with pytest.raises(UserError, match="there is no overlay"):
            find_overlay(stated)
