"""Treatments that are keys: a bound on gradients, an average that warms up, ramps of changed weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from screens import Heard

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.loop.launch import start
from gan_recipe.loop.train import Outcome
from gan_recipe.ramp import Ramp
from gan_recipe.runs.check_recipe import check


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring.toml").write_text(ring)


def variant(text: str, name: str = "variant.toml") -> str:
    Path(name).write_text('extends = "ring.toml"\n' + text)
    return name


def trained(name: str, screen: QuietScreen | None = None) -> Outcome:
    registry = Registry.installed()
    return start(check(name, registry=registry), registry, screen or QuietScreen())


def test_a_players_gradient_is_no_longer_than_stated() -> None:
    """Plain gradient steps show it: the bounded gradient times the rate, in the direction of the free one."""
    steps = {}
    for bound in (None, 1e6, 1e-3):
        text = f"[players.generator]\nclip_gradients = {bound}\n" if bound else ""
        training = Training(check(variant(text)))
        before = [p.detach().clone() for p in training.players["generator"].parameters]
        training.play(0, training.stream.batch(0))
        moved = [a - p.detach() for a, p in zip(before, training.players["generator"].parameters, strict=True)]
        steps[bound] = torch.cat([each.flatten() for each in moved])
    assert torch.equal(steps[None], steps[1e6])
    assert steps[1e-3].norm() == pytest.approx(0.1 * 1e-3, rel=1e-2)  # the recipe's rate is 0.1
    assert torch.nn.functional.cosine_similarity(steps[None], steps[1e-3], dim=0) > 0.999


def test_an_average_that_warms_up_follows_its_definition() -> None:
    """Move n takes min(decay, (1 + n) / (10 + n)) of the old average, written out weight by weight in float64."""
    training = Training(check(variant("[players.generator]\nema = { decay = 0.3, warm_up = true }\n")))
    player = training.players["generator"]
    expected = [p.detach().double() for p in player.parameters]
    for round in range(6):
        training.play(round, training.stream.batch(round))
        decay = min(0.3, (1 + round) / (10 + round))
        expected = [decay * e + (1 - decay) * p.detach() for e, p in zip(expected, player.parameters, strict=True)]
    for e, average in zip(expected, player.averages.values(), strict=True):
        torch.testing.assert_close(e.float(), average)


@pytest.mark.parametrize(
    ("stated", "message"),
    [
        ("ema = 1", r"variant.toml:3: players.generator.ema: expected a decay from 0 to below 1"),
        ("ema = { decay = 1.0 }", r"players.generator.ema.decay: expected below 1"),
        ("ema = { decai = 0.9 }", r"players.generator.ema.decai: there is no such key. Did you mean 'decay'"),
        ("clip_gradients = 0", r"players.generator.clip_gradients: expected a length above 0"),
        ("clip_gradient = 1.0", r"a player has no such key. Did you mean 'clip_gradients'"),
    ],
)
def test_what_cannot_be_is_refused_at_its_line(stated: str, message: str) -> None:
    """With what was expected."""
    with pytest.raises(RecipeError, match=message):
        check(variant(f"[players.generator]\n{stated}\n"))


def test_a_weight_changed_on_a_warm_start_ramps_and_says_so() -> None:
    """From what it was at the checkpoint to what is stated, over run.ramp_changes rounds; the run keeps the ramp."""
    trained("ring.toml")
    text = '[networks.trunk]\nstart = "ring@6"\n[networks.generator]\nstart = "ring@6"\n'
    text += "[players.critic.losses.gan]\nweight = 10\n[players.generator.losses.gan]\nweight = 2\n"
    screen = Heard()
    child = trained(variant(text), screen)
    said = [text for text in screen.said if "run.ramp_changes" in text]
    assert [text.partition(";")[0] for text in said] == [
        "players.critic.losses.gan.weight was 1 in ring/1@6 and goes to 10 over 1,000 rounds",
        # the parent's own ramp had arrived at 0.5 by then
        "players.generator.losses.gan.weight was 0.5 in ring/1@6 and goes to 2 over 1,000 rounds",
    ]
    kept = check(str(child.folder.recipe)).players
    assert kept["critic"].losses["gan"].weight == Ramp(1.0, 10.0, 1000, shape="geometric")
    assert kept["critic"].losses["r1"].weight == 1.0
    screen = Heard()
    at_once = trained(variant(text + "[run]\nramp_changes = 0\n", "at_once.toml"), screen)
    assert not any("ramp_changes" in text for text in screen.said)
    assert check(str(at_once.folder.recipe)).players["critic"].losses["gan"].weight == 10.0


def test_what_did_not_change_or_starts_afresh_does_not_ramp() -> None:
    """Equal weights, new losses and players without a warm start are left as they are stated."""
    trained("ring.toml")
    text = '[networks.trunk]\nstart = "ring@6"\n[players.generator.losses.gan]\nweight = 2\n'
    text += '[players.critic.losses.r2]\nuse = "r2"\ncritic = "verdict(trunk(_))"\nfake = "fake"\nweight = 3\n'
    screen = Heard()
    trained(variant(text), screen)
    assert not any("ramp_changes" in text for text in screen.said)
