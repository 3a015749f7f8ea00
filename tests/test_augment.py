"""Treatments that are networks with a state: augmentation, fixed and adaptive, and the pool of past fakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.language.find import find
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.checkpoint import load
from gan_recipe.runs.run_folder import checkpoint_rounds
from gan_recipe_plugins._augment import TRANSFORMS
from gan_recipe_plugins.augment import ADA, DiffAugment
from gan_recipe_plugins.replay import Replay

TREATED = """
[run]
rounds = 12
batch = 4
checkpoint_every = 4
log_every = 3
precision = "float32"
observers = []

[data]
faces = { use = "synthetic_faces", size = 64, identities = 4, held_out = 2, only = ["target"] }
noise = { use = "noise", size = 8 }

[networks]
body    = { use = "dcgan_decoder", size = 64, width = 0.05 }
ada     = { use = "ada", over = 40, interval = 2, target = 0.0 }
past    = { use = "replay", size = 8 }
trunk   = { use = "dcgan_encoder", width = 0.05, norm = "none" }
verdict = { use = "linear_fc" }

[values]
fake       = "body(noise)"
real_score = "ada(verdict(trunk(ada(target))))"

[players.critic]
trains     = ["trunk", "verdict"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_critic", real = "real_score", fake = "verdict(trunk(ada(past(fake))))" }
losses.r1  = { use = "r1", critic = "verdict(trunk(_))", real = "target", every = 4 }

[players.generator]
trains     = ["body"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_generator", fake = "verdict(trunk(ada(fake)))" }

[schedule]
use = "together"
"""


@pytest.mark.parametrize("change", TRANSFORMS)
def test_a_change_is_differentiable_and_one_of_its_own_for_every_sample(change: str) -> None:
    """The gradient is that of finite differences, and equal samples come out unlike; shapes and dtypes stay."""
    images = torch.rand(2, 3, 8, 8, dtype=torch.float64, requires_grad=True)

    def changed(x: Tensor) -> Tensor:
        torch.manual_seed(3)
        return TRANSFORMS[change](x)

    assert torch.autograd.gradcheck(changed, images)
    same = torch.rand(1, 3, 16, 16).expand(12, -1, -1, -1)
    torch.manual_seed(1)
    result = TRANSFORMS[change](same)
    assert result.shape == same.shape and result.dtype == same.dtype
    assert any(not torch.equal(result[0], other) for other in result[1:])


def test_changes_of_place_move_pixels_and_nothing_else() -> None:
    """Translation and flip: each output is the input moved, with zeros at the border; cutout leaves or clears."""
    images = torch.rand(8, 1, 16, 16) + 1
    for result, image in zip(TRANSFORMS["translation"](images), images, strict=True):
        kept = {(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3) if torch.equal(_shifted(image, dy, dx), result)}
        assert len(kept) == 1
    for result, image in zip(TRANSFORMS["flip"](images), images, strict=True):
        assert torch.equal(result, image) or torch.equal(result, image.flip(2))
    result = TRANSFORMS["cutout"](images)
    assert ((result == images) | (result == 0)).all()
    assert ((result == 0).flatten(1).sum(dim=1) <= 64).all() and (result == 0).any()


def _shifted(image: Tensor, dy: int, dx: int) -> Tensor:
    moved = torch.zeros_like(image)
    height, width = image.shape[1:]
    for y in range(height):
        for x in range(width):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                moved[:, y, x] = image[:, y + dy, x + dx]
    return moved


def test_nothing_is_changed_when_looking() -> None:
    """In eval mode all three hand on the very input."""
    images = torch.rand(2, 3, 16, 16)
    for component in (DiffAugment(), ADA(), Replay()):
        assert component.build(images).eval()(images) is images


def test_the_strength_follows_the_rule_of_the_paper() -> None:
    """Every ``interval`` batches p moves by batch x interval / over towards the target, written out in Python."""
    ada = ADA(target=0.25, over=64, interval=2).build(torch.zeros(4, 3, 16, 16))
    torch.manual_seed(5)
    p, signs = 0.0, []
    for call in range(40):
        verdicts = torch.randn(4, 1) + (1.0 if call < 24 else -1.0)
        assert ada(verdicts) is verdicts
        signs += verdicts.sign().flatten().tolist()
        if call % 2:
            r, signs = sum(signs) / len(signs), []
            p = min(max(p + ((r > 0.25) - (r < 0.25)) * 4 * 2 / 64, 0.0), 1.0)
        assert float(ada.p) == pytest.approx(p, abs=1e-6)
    images = torch.rand(64, 3, 16, 16)
    ada.p.fill_(0.0)
    assert torch.equal(ada(images), images)
    ada.p.fill_(0.5)
    unchanged = (ADA(changes=("colour",)).build(images), ada)[0]
    unchanged.p.fill_(0.5)
    share = float((unchanged(images) == images).flatten(1).all(dim=1).float().mean())
    assert abs(share - 0.5) < 5 * 0.5 / 8


def test_the_pool_hands_on_new_and_past_samples_and_loses_none() -> None:
    """Filling, all are handed on; then about half are past ones, each once seen, and the pool holds seen ones alone."""
    pool = Replay(size=10).build(torch.zeros(4, 1))
    torch.manual_seed(2)
    exchanged = 0
    for call in range(200):
        new = torch.arange(4.0)[:, None] + 4 * call
        result = pool(new)
        assert set(result.flatten().tolist()) <= set(range(4 * call + 4))
        past = result != new
        exchanged += int(past.sum())
        assert not past.any() or call >= 3
        # what was taken out is in the pool no longer, what was taken in is
        assert not set(result[past].tolist()) & set(pool.pool.flatten().tolist())
        assert set(new[past].tolist()) <= set(pool.pool.flatten().tolist())
    assert abs(exchanged / (197 * 4) - 0.5) < 5 * 0.5 / (197 * 4) ** 0.5
    with pytest.raises(ValueError, match="a batch of 11 is more than the pool of 10"):
        pool(torch.zeros(11, 1))


def test_a_treated_run_resumes_bit_for_bit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The strength, its counts and the pool are in the checkpoint, and the recipe has no findings."""
    monkeypatch.chdir(tmp_path)
    Path("treated.toml").write_text(TREATED)
    registry = Registry.installed()
    recipe = check("treated.toml", registry=registry)
    assert not find(recipe)
    whole = start(recipe, registry, QuietScreen(), strict=True).folder
    networks = load(whole, 12).tensors["networks"]
    assert networks["ada/p"] > 0 and networks["past/seen"] == 48
    again = start(recipe, registry, QuietScreen(), name="again").folder
    for round in checkpoint_rounds(again):
        if round > 8:
            shutil.rmtree(again.checkpoints / f"{round:08d}")
    again.write_description({**again.describe(), "outcome": "stopped", "round": 8})
    ended = resume(again.name, registry, QuietScreen()).folder
    for name, value in load(ended, 12).tensors["networks"].items():
        assert torch.equal(value, networks[name]), name
