"""A recipe shortened in time: ``run.scale``, rounds that are kept, and starting from them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.language.optimizers import LR_SCHEDULES, TorchCall
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import load
from gan_recipe.language.scale import scaled
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.ramp import Ramp
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds, find_run
from gan_recipe.runs.warm_start import find_start

Write = Callable[..., str]

LONG = [
    "run.rounds=40_000",
    "run.checkpoint_every=10_000",
    "run.measure_every=20_000",
    "run.keep_at=[28_000, 31_600]",
    "run.log_every=50",
    "sheet.every=4_000",
    "players.critic.lr_schedule.milestones=[10_000, 20_000]",
    "players.critic.losses.r1.every=16",
    "players.critic.losses.r1.weight={ from = 1, to = 2, over = 8_000, begin = 4_000 }",
    "schedule.periods.critic=[4, 6]",
    "schedule.switch_at=5_000",
    "schedule.starts={ generator = 2_000 }",
]


@given(rounds=st.integers(0, 10**9), more=st.integers(0, 10**9), scale=st.floats(1e-9, 1))
def test_scaling_keeps_order_and_loses_no_event(rounds: int, more: int, scale: float) -> None:
    """What comes later stays no earlier, round 0 stays, and nothing else becomes 0; a scale of 1 changes nothing."""
    assert scaled(rounds, scale) <= scaled(rounds + more, scale)
    assert (scaled(rounds, scale) == 0) == (rounds == 0) and scaled(rounds, 1.0) == rounds
    assert scaled(rounds, scale) <= rounds


def test_every_length_of_time_is_scaled_and_no_period_is(write: Write, ring: str) -> None:
    """Rounds, milestones, ramps, switches, sheets and checkpoints keep their places in the whole."""
    recipe = check(write(ring), [*LONG, "run.scale=0.01"])
    run, critic = recipe.run, recipe.players["critic"]
    assert (run.rounds, run.checkpoint_every, run.measure_every, run.keep_at) == (400, 100, 200, (280, 316))
    assert recipe.sheet.every == 40 and run.log_every == 50
    assert critic.lr_schedule is not None and critic.lr_schedule.options["milestones"] == (100, 200)
    assert critic.losses["r1"].every == 16
    assert critic.losses["r1"].weight == Ramp(1, 2, over=scaled(8_000, 0.01), begin=scaled(4_000, 0.01))
    whole = check("ring.toml", LONG)
    for round in range(0, 400):
        late = whole.schedule.moves(round * 100, ["generator"]), recipe.schedule.moves(round, ["generator"])
        assert late[0] == late[1]
    assert [round for round in range(62) if "critic" in recipe.schedule.moves(round, ["critic"])] == [
        *range(0, 50, 4), 54, 60,
    ]  # fmt: skip


COUNTED = {"milestones", "step_size", "total_iters", "T_max", "T_0", "total_steps", "t_initial", "decay_t", "warmup_t"}


@pytest.mark.parametrize(("name", "call"), LR_SCHEDULES.items())
def test_rate_schedules_scale_what_counts_rounds(write: Write, ring: str, name: str, call: TorchCall) -> None:
    """Those options and no others: not the number of cycles, nor a rate."""
    options = {option for option in call.options if option in COUNTED}
    lists = {"milestones"} | ({"decay_t"} if name == "timm/multistep" else set())
    stated = ", ".join(f"{option} = {'[500]' if option in lists else '500'}" for option in sorted(options))
    also = {"constant": ", factor = 0.5", "exponential": "gamma = 0.9", "one_cycle": ", max_lr = 1"}.get(name, "")
    also += {"linear": ", start_factor = 0.5"}.get(name, "")
    changes = [f"players.critic.lr_schedule={{ use = '{name}', {stated}{also} }}", "run.rounds=500", "run.scale=0.1"]
    schedule = check(write(ring), changes).players["critic"].lr_schedule
    assert schedule is not None
    for option in options:
        assert schedule.options[option] == ((50,) if option in lists else 50)


@pytest.mark.parametrize("scale", ["0", "-1", "1.5", "true", '"half"'])
def test_a_scale_out_of_range_is_told(write: Write, ring: str, scale: str) -> None:
    """Once, at its place, whatever else it would have changed."""
    with pytest.raises(RecipeError) as caught:
        check(write(ring), [f"run.scale={scale}"])
    (problem,) = caught.value.problems
    assert problem.where == f"-s run.scale={scale}" and "run.scale: expected" in str(problem)


def trained(write: Write, text: str, *changes: str) -> Outcome:
    registry = Registry.installed()
    return start(check(write(text), changes, registry), registry, QuietScreen())


def rounds_of(recipe: Recipe) -> tuple[int, int, tuple[int, ...]]:
    return recipe.run.rounds, recipe.run.checkpoint_every, recipe.run.keep_at


def test_a_scaled_run_keeps_its_recipe_as_stated_and_resumes_as_it_was(write: Write, ring: str) -> None:
    """The folder's recipe holds full lengths and the scale; reading it again scales once, not twice."""
    outcome = trained(write, ring, "run.rounds=60", "run.scale=0.1", "run.checkpoint_every=20", "run.keep_at=[20]")
    assert outcome.round == 6
    kept = load(str(outcome.folder.recipe)).tables["run"]
    assert (kept["rounds"], kept["scale"]) == (60, 0.1)
    again = check(str(outcome.folder.recipe))
    assert rounds_of(again) == (6, 2, (2,))
    folder = outcome.folder
    description = folder.describe()
    assert description["rounds"] == 6 and description["scale"] == 0.1
    for later in (4, 6):
        remove(folder, later)
    folder.write_description(description | {"outcome": "stopped"})
    whole = checkpoints.load(trained(write, ring, "run.rounds=60", "run.scale=0.1").folder, 6)
    resumed = resume(folder.name, Registry.installed(), QuietScreen())
    assert resumed.round == 6 and resumed.how == "done"
    ours = checkpoints.load(folder, 6).tensors["networks"]
    assert all(bool((ours[key] == value).all()) for key, value in whole.tensors["networks"].items())


def remove(folder: RunFolder, round: int) -> None:
    import shutil

    shutil.rmtree(folder.checkpoints / f"{round:08d}", ignore_errors=True)


def test_rounds_to_keep_are_kept_beside_the_newest(write: Write, ring: str) -> None:
    """Also when they lie between two checkpoints of the period, and however many come after."""
    outcome = trained(write, ring, "run.rounds=12", "run.checkpoint_every=2", "run.keep_at=[3, 4, 20]")
    assert checkpoint_rounds(outcome.folder) == [3, 4, 10, 12]


def test_a_start_counts_rounds_as_the_other_runs_recipe_does(write: Write, ring: str) -> None:
    """``run@31600`` is the round of that plan, whatever scale that run was trained at, and whatever scale this one."""
    trained(write, ring, "run.rounds=50_000", "run.scale=0.0002", "run.keep_at=[31_600]", "run.checkpoint_every=50_000")
    assert find_start("ring@31600", "trunk").round == 6
    child = trained(write, ring, 'networks.trunk.start="ring@31600"')
    assert child.folder.describe()["parents"]["trunk"]["round"] == 6
    with pytest.raises(ValueError) as caught:
        find_start("ring/1@11400", "trunk")
    assert str(caught.value) == (
        "the run ring/1 has no checkpoint of round 11400 (its 2, for it ran at scale 0.0002); it has: 6, 10. "
        "A recipe that states run.keep_at = [11400] keeps that one"
    )
    for stated in ("", "x", "-1", "9" * 400):
        with pytest.raises(ValueError, match="has no checkpoint of round"):
            find_start(f"ring/1@{stated}", "trunk")
    assert find_run("ring/1").scale == 0.0002
