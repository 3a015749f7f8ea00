"""What a round costs, counted where noise cannot hide it: FLOPs, calls into aten, and waits for the device.

The reference is the best loop that could be written by hand for the same recipe: the generator's forward shared between
the players, the critic called once on all that it judges and frozen in the generator's move, fused Adam, a foreach
average, losses summed as they come.
"""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from tiny_recipes import TOY
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_recipe.engine.training import Training
from gan_recipe.language.plan import plan_from_start
from gan_recipe.runs.check_recipe import check

Batch = dict[str, Tensor]
SMALL = [
    "run.batch=4",
    "data.faces.identities=6",
    "data.faces.held_out=2",
    *(f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")),
]
WAITS = ("_local_scalar_dense", "nonzero", "is_nonzero", "item")


class Calls(TorchDispatchMode):
    """Counts calls into aten by name, and the FLOPs of those that torch has a formula for."""

    def __init__(self) -> None:
        super().__init__()
        self.by_name: Counter[str] = Counter()
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.by_name[func.__name__.partition(".")[0]] += 1
        result = func(*args, **(kwargs or {}))
        if formula := flop_registry.get(func._overloadpacket):
            self.flops += formula(*args, **(kwargs or {}), out_val=result)
        return result


@pytest.fixture(scope="module")
def training() -> Training:
    return Training(check("d_supervised", SMALL))


@pytest.fixture
def by_hand(training: Training) -> Callable[[int, Batch], None]:
    """The hand-tuned round of ``d_supervised``."""
    n: dict[str, nn.Module] = {name: copy.deepcopy(network) for name, network in training.graph.networks.items()}
    heads = ("verdict", "identity", "pose", "light")
    critic_weights = [p for name in ("trunk", *heads) for p in n[name].parameters()]
    generator_weights = [p for name in ("encoder", "decoder") for p in n[name].parameters()]
    for weight in generator_weights:
        weight.requires_grad_(True)
    average = [weight.detach().clone() for weight in generator_weights]
    d = torch.optim.Adam(critic_weights, lr=5e-4, betas=(0.5, 0.999), fused=True)
    g = torch.optim.Adam(generator_weights, lr=8e-4, betas=(0.5, 0.999), fused=True)

    def step(round: int, batch: Batch) -> None:
        image, target, identity = (batch[f"faces.{name}"] for name in ("image", "target", "identity"))
        fake = n["decoder"](n["encoder"](image))
        for weight in critic_weights:
            weight.requires_grad = True
        real_seen, fake_seen, image_seen = n["trunk"](torch.cat([target, fake.detach(), image])).split(len(image))
        loss = F.softplus(-(n["verdict"](real_seen) - n["verdict"](fake_seen))).mean()
        if round % 8 == 0:
            points = target.detach().requires_grad_(True)
            (slope,) = torch.autograd.grad(n["verdict"](n["trunk"](points)).sum(), points, create_graph=True)
            loss = loss + slope.flatten(1).square().sum(dim=1).mean() / 2
        loss = loss + F.cross_entropy(n["identity"](real_seen), identity)
        loss = loss + F.cross_entropy(n["identity"](image_seen), identity)
        for head in ("pose", "light"):
            loss = loss + F.cross_entropy(n[head](image_seen), batch[f"faces.{head}"])
        d.zero_grad()
        loss.backward()
        d.step()

        for weight in critic_weights:
            weight.requires_grad = False
        with torch.no_grad():
            real_score = n["verdict"](n["trunk"](target))
        fake_seen = n["trunk"](fake)
        loss = F.softplus(-(n["verdict"](fake_seen) - real_score)).mean() * 0.1
        loss = loss + F.cross_entropy(n["identity"](fake_seen), identity) * 0.1
        for head in ("pose", "light"):
            loss = loss + F.cross_entropy(n[head](fake_seen), batch[f"faces.target_{head}"]) * 0.02
        loss = loss + (fake - target).abs().mean() * 40
        g.zero_grad()
        loss.backward()
        g.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, generator_weights, 0.005)

    return step


def counted(play: Callable[[int, Batch], None], batches: list[Batch]) -> Calls:
    with Calls() as counter:
        for round, batch in enumerate(batches):
            play(round, batch)
    return counter


def test_a_round_multiplies_no_more_than_the_hand_tuned_loop(
    training: Training, by_hand: Callable[[int, Batch], None]
) -> None:
    """FLOPs of eight rounds, a lazy penalty among them, are equal."""
    batches = [training.stream.batch(round) for round in range(8)]
    training.players["critic"].moved = 0  # so that the penalty falls into the same round of both
    mine, reference = counted(training.play, batches).flops, counted(by_hand, batches).flops
    assert mine == reference > 0


def test_a_round_calls_hardly_more_than_the_hand_tuned_loop(
    training: Training, by_hand: Callable[[int, Batch], None]
) -> None:
    """At most 1 % more calls into aten, the sums for the next line of figures included."""
    batches = [training.stream.batch(round) for round in range(8)]
    for player in training.players.values():
        player.moved = 0
    training.play(0, batches[0])  # the first sums are made here
    for player in training.players.values():
        player.moved = 0
    mine, reference = counted(training.play, batches).by_name, counted(by_hand, batches).by_name
    more = {name: count - reference[name] for name, count in mine.items() if count > reference[name]}
    assert mine.total() <= 1.01 * reference.total(), f"{mine.total()} against {reference.total()}: {more}"


def test_a_round_never_waits_for_the_device(training: Training) -> None:
    """No value is read back to Python within a round."""
    found = counted(training.play, [training.stream.batch(round) for round in range(8)]).by_name
    assert not {name: found[name] for name in WAITS if found[name]}


STEERED = f"""{TOY}
[schedule]
use = "accuracy_band"
real = "critic(point)"
fake = "critic(fake)"
memory = 2
"""


def test_a_schedule_that_steers_reads_one_number_a_round_and_only_where_one_is_heard(
    write: Callable[..., str],
) -> None:
    """Nothing is read in the rounds that hear nothing; in the others the figure of three rounds before, alone.

    A figure comes of every round in which the critic moves, the generator's own having no scores of reals.
    """
    training = Training(check(write(STEERED, "steered.toml")))
    moves, read = [], []
    for round in range(40):
        batch = training.stream.batch(round)
        before = training.players["critic"].moved
        with Calls() as counter:
            training.play(round, batch)
        moves.append(training.players["critic"].moved - before)
        read.append(sum(counter.by_name[name] for name in WAITS))
    assert read == [0, 0, 0, *moves[:-3]]
    assert 0 < sum(moves) < 40, "it must steer here"


def test_a_player_that_does_not_move_costs_nothing(tmp_path: Path) -> None:
    """``iterD:4:6``: in a round without the critic, nothing is computed for it."""
    recipe = check("siamese")
    with_critic, without = plan_from_start(recipe, 0), plan_from_start(recipe, 1)
    assert [move.player.name for move in without.moves] == ["generator"]
    targets = [step for move in without.moves for step in move.computes if "target" in str(step.node)]
    assert not targets
    assert any("target" in str(step.node) for move in with_critic.moves for step in move.computes)


def test_plans_are_made_once(training: Training) -> None:
    """A hundred rounds need the two plans that they consist of: with the lazy penalty and without."""
    batch = training.stream.batch(0)
    for round in range(100):
        training.play(round, batch)
    assert len(training._planned) == 2


def test_the_benchmark_runs() -> None:
    """One repeat at a tiny size prints a row for every variant; a noisy machine may make its table void."""
    script = Path(__file__).parent / "benchmarks" / "run.py"
    small = ["--width", "0.125", "--batch", "2", "--repeats", "1", "--rounds", "2"]
    done = subprocess.run([sys.executable, script, *small], capture_output=True, text=True)
    assert done.returncode in (0, 1) and not done.stderr, done.stderr
    rows = (
        "framework",
        "A/A",
        "hand-tuned",
        "textbook",
        "framework, batches ahead",
        "framework bf16",
        "hand-tuned bf16",
    )
    assert all(f"\n{row:18}" in done.stdout for row in rows)


def test_the_benchmark_of_the_interpreter_runs() -> None:
    """It times rounds of both recipes with everything but the bookkeeping taken out."""
    script = Path(__file__).parent / "benchmarks" / "run.py"
    done = subprocess.run([sys.executable, script, "--interpreter", "--repeats", "1"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\w+): [\d.]+ us a round$", done.stdout, re.MULTILINE) == ["dcgan", "d_supervised"]
