"""Losses brought to one loudness at a value: VQGAN's weight, and shares that are what the weights state."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from screens import Stopping
from torch import Tensor

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.balance import balanced
from gan_recipe.engine.graph import Store
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.language.plan import Move, plan_from_start
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.check_recipe import check

BALANCED = """\
extends = "ring.toml"
[players.generator]
losses.gan = { use = "bce_generator", fake = "score", weight = 0.25 }
losses.l1  = { use = "l1", output = "fake", target = "point", weight = 2 }
balance    = { at = "fake", reference = "l1", losses = ["gan"] }
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring.toml").write_text(ring)
    Path("balanced.toml").write_text(BALANCED)


def test_the_step_is_that_of_vqgans_weight() -> None:
    """A generator's step equals one written by hand in float64: w = |grad rec| / (|grad gan| + 1e-4) at the output."""
    training = Training(check("balanced.toml"))
    training.play(0, training.stream.batch(0))
    networks = training.graph.networks
    before = [p.detach().double() for p in training.players["generator"].parameters]
    batch = training.stream.batch(1)  # the critic sits this round out
    weight, bias = (p.clone().requires_grad_() for p in before)
    fake = F.linear(batch["noise.z"].double(), weight, bias)
    trunk, verdict = (networks[name].linear for name in ("trunk", "verdict"))
    seen = F.linear(fake, trunk.weight.double(), trunk.bias.double())
    gan = F.softplus(-F.linear(seen, verdict.weight.double(), verdict.bias.double())).mean()
    l1 = (fake - batch["toy.point"].double()).abs().mean()
    of_gan, of_l1 = (torch.autograd.grad(loss, fake, retain_graph=True)[0].norm() for loss in (gan, l1))
    total = 0.25 * (of_l1 / (of_gan + 1e-4)).detach() * gan + 2 * l1
    gradients = torch.autograd.grad(total, (weight, bias))
    training.play(1, batch)
    for old, gradient, new in zip(before, gradients, training.players["generator"].parameters, strict=True):
        torch.testing.assert_close(new.double(), old - 0.1 * gradient, rtol=1e-4, atol=1e-6)


def test_a_factor_is_at_most_what_is_stated_and_nothing_else_changes() -> None:
    """Clamped; the reference and losses that are not named keep their values, and the factor has no gradient."""
    training = Training(check("balanced.toml", ["players.generator.balance.most=0.01"]))
    move = plan_from_start(training.recipe, 1).moves[0]
    store = {leaf: training.stream.batch(1)[leaf.name] for leaf in training.leaves}
    training.graph.compute(move, store)
    values = training.graph.losses(move, store)
    spec = training.recipe.players["generator"].balance
    assert spec is not None
    (gan, l1), factors = balanced(spec, move, store, values)
    assert torch.equal(gan, values[0] * 0.01) and l1 is values[1]
    assert factors.keys() == {"gan"} and float(factors["gan"]) == pytest.approx(0.01)


def test_the_factors_are_figures_of_the_run_and_the_doctors_shares_are_those_of_the_weights() -> None:
    """``generator/balance/gan`` is their mean since the last line, stopped or not; the pulls that the doctor measures
    have the factors in them: with weights 0.25 and 2 the shares are a ninth and eight."""
    registry = Registry.installed()
    recipe = check("balanced.toml", ["doctor.every=1", "run.log_every=3", "run.checkpoint_every=2"], registry)
    whole = start(recipe, registry, QuietScreen(), name="whole").folder
    training = Training(recipe)
    spec = recipe.players["generator"].balance
    assert spec is not None
    seen: list[float] = []

    def watch(round: int, move: Move, store: Store, terms: Sequence[Tensor]) -> None:
        if move.player.name == "generator":
            _, factors = balanced(spec, move, store, training.graph.losses(move, store))
            seen.append(float(factors["gan"]))

    for round in range(3):
        training.play(round, training.stream.batch(round), watch)
    lines = list(whole.lines())
    figures = [line["generator/balance/gan"] for line in lines if "generator/balance/gan" in line]
    assert len(figures) == 2 and figures[0] == pytest.approx(sum(seen) / 3, rel=1e-4)
    shares = [line["signals/generator/fake/share/gan"] for line in lines if "signals/generator/fake/share/gan" in line]
    assert shares and shares == pytest.approx([1 / 9] * len(shares), rel=1e-2)
    stopped = start(recipe, registry, Stopping(4), name="stopped").folder
    resume(stopped.name, registry, QuietScreen())
    assert stopped.metrics.read_bytes() == whole.metrics.read_bytes()


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ('at = "point"', r"balanced.toml:5: players.generator.balance.at: point does not depend on what"),
        ('at = "seen"', r"balance.at: .* does not depend on what the player trains \(generator\)"),
        ('reference = "l2"', r"balance.reference: there is no loss of this player 'l2'. Known: gan, l1"),
        ('losses = ["l1"]', r"balance.losses: 'l1' is the reference itself"),
        ("most = 0.0", r"balance.most: expected above 0"),
    ],
)
def test_what_cannot_be_balanced_is_refused_at_its_line(stated: str, message: str) -> None:
    """The value, the losses and the bound, each with what is wrong."""
    key = stated.partition(" ")[0]
    kept = {"at": 'at = "fake"', "reference": 'reference = "l1"', "losses": 'losses = ["gan"]'} | {key: stated}
    text = BALANCED.splitlines()
    text[-1] = f"balance    = {{ {', '.join(kept.values())} }}"
    Path("balanced.toml").write_text("\n".join(text))
    with pytest.raises(RecipeError, match=message):
        check("balanced.toml")
