"""A schedule that steers: it holds the critic's accuracy where it is told, and resumes exactly."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
import torch
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as some
from screens import Stopping
from tiny_recipes import TOY

from gan_recipe import SteeredSchedule
from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.late import LATE
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.check_recipe import check
from gan_recipe_plugins.accuracy_band import AccuracyBand

BAND = '[schedule]\nuse = "accuracy_band"\nreal = "critic(point)"\nfake = "critic(fake)"\n'


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recipes where the test stands."""
    monkeypatch.chdir(tmp_path)
    Path("band.toml").write_text(TOY + BAND)
    Path("together.toml").write_text(TOY + '[schedule]\nuse = "together"\n')


def accuracies(recipe: str, seed: int) -> list[float]:
    """The critic's accuracy on a batch that it never learns from, before each of its moves in the last 300 rounds."""
    training = Training(check(recipe, [f"run.seed={seed}"]))
    real, fake = (training.recipe.players["critic"].losses["gan"].reads[name] for name in ("real", "fake"))
    found = []
    for round in range(700):
        one, other = training.graph.evaluate([real, fake], training.stream.batch(10_000 + round))
        moved = training.players["critic"].moved
        training.play(round, training.stream.batch(round))
        if round >= 400 and training.players["critic"].moved > moved:
            found.append(float((one > other.T).float().mean()))
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_it_holds_the_accuracy_where_moving_together_leaves_it(seed: int) -> None:
    """A critic with five times the generator's rate stands above 0.85 on its own, and in the band 0.6 to 0.8 here."""
    alone, held = (accuracies(recipe, seed) for recipe in ("together.toml", "band.toml"))
    assert len(alone) == 300 and sum(alone) / 300 > 0.85
    assert 30 < len(held) < 250 and 0.6 < sum(held) / len(held) < 0.8


def test_a_critic_that_lags_is_given_the_moves() -> None:
    """Below the band the others wait, at once and in the recipe's order."""
    band, players = AccuracyBand(memory=1), ("critic", "generator", "encoder")
    memory = band.heard(band.begin(), 0.2)
    assert [list(band.moves_after(memory, round, players)) for round in (1, 15, 16)] == [
        ["critic"],
        ["critic"],
        [*players],
    ]
    memory = band.heard(memory, 0.65)
    assert memory["waits"] == -1  # not yet in the middle
    memory = band.heard(memory, 0.71)
    assert list(band.moves_after(memory, 9, players)) == [*players]
    memory = band.heard(memory, 0.9)
    assert list(band.moves_after(memory, 9, players)) == ["generator", "encoder"]


@given(some.lists(some.floats(0, 1), max_size=60), some.integers(1, 20), some.integers(2, 9))
def test_whatever_is_heard_everybody_moves_within_a_wait(figures: list[float], memory: int, wait: int) -> None:
    """And what is remembered stays an accuracy, which JSON holds exactly."""
    band = AccuracyBand(memory=memory, wait=wait)
    known = band.begin()
    for figure in figures:
        known = band.heard(known, figure)
    assert 0 <= known["accuracy"] <= 1 and json.loads(json.dumps(known)) == known
    moved = {name for round in range(wait) for name in band.moves_after(known, round, ("critic", "generator"))}
    assert moved == {"critic", "generator"}


def test_the_figure_is_the_share_of_pairs_in_the_right_order() -> None:
    """Equal scores count half, whatever the shapes."""
    real, fake = torch.tensor([[1.0], [2.0]]), torch.tensor([0.0, 1.0, 3.0, 2.0])
    right = sum((r > f) + (r == f) / 2 for r in (1.0, 2.0) for f in fake.tolist())
    assert float(AccuracyBand()(real, fake)) == pytest.approx(right / 8)


@frozen
class Listening(SteeredSchedule):
    """Remembers the last figure, which is the round's number; moves whoever it is time for."""

    def __call__(self, real: torch.Tensor) -> torch.Tensor:
        return real.mean()

    def begin(self) -> Mapping[str, float]:
        return {"last": -1.0}

    def heard(self, memory: Mapping[str, float], figure: float) -> Mapping[str, float]:
        return {"last": figure}

    def moves_after(self, memory: Mapping[str, float], round: int, players: Sequence[str]) -> Sequence[str]:
        return players


def test_a_figure_is_heard_three_rounds_later_and_in_its_order() -> None:
    """Of the values as they were before the mover's step."""
    training = Training(check("band.toml"))
    steering = training.steering
    assert steering is not None
    seen: list[float] = []
    steering._schedule = Listening()
    steering._reads = {"real": training.recipe.players["critic"].losses["gan"].reads["real"]}
    steering.memory = {"last": -1.0}
    for round in range(8):
        batch = training.stream.batch(round)
        (value,) = training.graph.evaluate([steering._reads["real"]], batch)
        seen.append(float(value.mean()))
        training.play(round, batch)
        assert steering.memory["last"] == pytest.approx(seen[round - LATE] if round >= LATE else -1.0, rel=1e-5)


def test_resumed_is_not_resumed() -> None:
    """Stopped in any round while figures are on their way: the same moves, figures and bits."""
    registry = Registry.installed()
    recipe = check("band.toml", ["run.rounds=40", "run.log_every=5", "schedule.memory=2", "run.checkpoint_every=10"])
    whole = start(recipe, registry, QuietScreen(), name="whole").folder
    waits = [line["schedule/waits"] for line in whole.lines() if "schedule/waits" in line]
    assert len(set(waits)) > 1, "it must steer here"
    for at in (9, 12, 21):
        folder = start(recipe, registry, Stopping(at), name="stopped").folder
        resume(folder.name, registry, QuietScreen())
        assert folder.metrics.read_bytes() == whole.metrics.read_bytes()
        last = sorted((whole.checkpoints / "00000040").iterdir())
        assert [(folder.checkpoints / "00000040" / each.name).read_bytes() for each in last] == [
            each.read_bytes() for each in last
        ]


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ('use = "accuracy_band"', "'real' is missing: the value that 'accuracy_band' reads there"),
        (BAND.partition("\n")[2].replace("critic(point)", "critic(pont)"), "schedule.real"),
        (BAND.partition("\n")[2].replace("critic(fake)", "critic(generator(point))"), "so that nothing would be seen"),
        (BAND.partition("\n")[2] + 'critic = "crtic"', "there is no player 'crtic'. Did you mean 'critic'?"),
        (BAND.partition("\n")[2] + "least = 0.9", "give a band in 0 to 1"),
        (BAND.partition("\n")[2] + "waits = 3", "Did you mean 'wait'?"),
    ],
)
def test_what_cannot_steer_is_refused(schedule: str, message: str) -> None:
    """At its line, before anything is trained."""
    Path("wrong.toml").write_text(f"{TOY}[schedule]\n{schedule}\n")
    with pytest.raises(RecipeError) as error:
        check("wrong.toml")
    assert message in str(error.value) and "wrong.toml:" in str(error.value)


def test_it_costs_nothing_to_those_that_do_not_steer(ring: str, write: Callable[..., str]) -> None:
    """A recipe without such a schedule has nothing of it, in memory or in its checkpoints."""
    training = Training(check(write(ring)))
    assert training.steering is None and "schedule" not in training.checkpoint(0).state
