"""Losses and penalties: what each one computes, where its gradient points, and what it refuses."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import log_softmax

from gan_recipe import Loss
from gan_recipe_plugins.bce import BCECritic, BCEGenerator
from gan_recipe_plugins.cross_entropy import CrossEntropy
from gan_recipe_plugins.gradient_penalty import R1, R2, WGANGP
from gan_recipe_plugins.hinge import HingeCritic, HingeGenerator
from gan_recipe_plugins.least_squares import LeastSquaresCritic, LeastSquaresGenerator
from gan_recipe_plugins.perceptual import Perceptual
from gan_recipe_plugins.pixel import L1, L2
from gan_recipe_plugins.relativistic import RelativisticCritic, RelativisticGenerator
from gan_recipe_plugins.siamese_contrastive import SiameseContrastive
from gan_recipe_plugins.wasserstein import WassersteinCritic, WassersteinGenerator

Sides = tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]

#: The critic's and the generator's side of every adversarial loss, both as functions of (real, fake).
ADVERSARIAL: dict[str, Sides] = {
    "bce": (BCECritic(), lambda real, fake: BCEGenerator()(fake)),
    "smoothed bce": (BCECritic(real_label=0.9), lambda real, fake: BCEGenerator()(fake)),
    "saturating bce": (BCECritic(), lambda real, fake: BCEGenerator(saturating=True)(fake)),
    "least_squares": (LeastSquaresCritic(), lambda real, fake: LeastSquaresGenerator()(fake)),
    "hinge": (HingeCritic(), lambda real, fake: HingeGenerator()(fake)),
    "wasserstein": (WassersteinCritic(), lambda real, fake: WassersteinGenerator()(fake)),
    "relativistic": (RelativisticCritic(), RelativisticGenerator()),
}

#: The same, written out from the papers in terms of the critic's probability or output, as sums over single numbers.
BY_HAND: dict[str, tuple[Callable[[list[float], list[float]], float], Callable[[list[float], list[float]], float]]] = {
    "bce": (
        lambda real, fake: -_mean(_log(_sigmoid(x)) for x in real) - _mean(_log(1 - _sigmoid(x)) for x in fake),
        lambda real, fake: -_mean(_log(_sigmoid(x)) for x in fake),
    ),
    "smoothed bce": (
        lambda real, fake: (
            -_mean(0.9 * _log(_sigmoid(x)) + 0.1 * _log(1 - _sigmoid(x)) for x in real)
            - _mean(_log(1 - _sigmoid(x)) for x in fake)
        ),
        lambda real, fake: -_mean(_log(_sigmoid(x)) for x in fake),
    ),
    "saturating bce": (
        lambda real, fake: -_mean(_log(_sigmoid(x)) for x in real) - _mean(_log(1 - _sigmoid(x)) for x in fake),
        lambda real, fake: _mean(_log(1 - _sigmoid(x)) for x in fake),
    ),
    "least_squares": (
        lambda real, fake: 0.5 * _mean((x - 1) ** 2 for x in real) + 0.5 * _mean(x**2 for x in fake),
        lambda real, fake: 0.5 * _mean((x - 1) ** 2 for x in fake),
    ),
    "hinge": (
        lambda real, fake: _mean(max(0, 1 - x) for x in real) + _mean(max(0, 1 + x) for x in fake),
        lambda real, fake: -_mean(iter(fake)),
    ),
    "wasserstein": (
        lambda real, fake: _mean(iter(fake)) - _mean(iter(real)),
        lambda real, fake: -_mean(iter(fake)),
    ),
    "relativistic": (
        lambda real, fake: -_mean(_log(_sigmoid(x - y)) for x, y in zip(real, fake, strict=True)),
        lambda real, fake: -_mean(_log(_sigmoid(y - x)) for x, y in zip(real, fake, strict=True)),
    ),
}

logits = st.lists(st.tuples(st.floats(-15, 15), st.floats(-15, 15)), min_size=1, max_size=6)
quick = settings(max_examples=40, deadline=None)


@pytest.mark.parametrize("name", ADVERSARIAL)
@quick
@given(pairs=logits)
def test_adversarial_losses_are_the_papers_formulas(name: str, pairs: list[tuple[float, float]]) -> None:
    """Both sides equal the formula of the paper, evaluated number by number in Python's floats."""
    real, fake = map(list, zip(*pairs, strict=True))
    for side, by_hand in zip(ADVERSARIAL[name], BY_HAND[name], strict=True):
        found = side(torch.tensor(real, dtype=torch.float64), torch.tensor(fake, dtype=torch.float64))
        assert found.item() == pytest.approx(by_hand(real, fake), rel=1e-6, abs=1e-8)


@pytest.mark.parametrize("name", ADVERSARIAL)
@quick
@given(pairs=st.lists(st.tuples(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9)), min_size=1, max_size=6))
def test_the_critic_separates_and_the_generator_overtakes(name: str, pairs: list[tuple[float, float]]) -> None:
    """Between the targets, descent makes the critic raise real and lower fake, and the generator raise fake.

    Least squares and a smoothed label have a best finite logit, beyond which they rightly turn round; in (-0.9, 0.9)
    only the fake target 0 of least squares is in the way, so its logits are moved above it.
    """
    real, fake = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    if name == "least_squares":
        real, fake = real.abs() / 2, fake.abs() / 2 + 0.01
    real, fake = real.requires_grad_(), fake.requires_grad_()
    critic, generator = ADVERSARIAL[name]
    by_real, by_fake = torch.autograd.grad(critic(real, fake), (real, fake))
    assert (by_real < 0).all()
    assert (by_fake > 0).all()
    (by_fake,) = torch.autograd.grad(generator(real, fake), fake)
    assert (by_fake < 0).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", ADVERSARIAL)
def test_adversarial_losses_stay_finite(name: str, dtype: torch.dtype) -> None:
    """Logits of +-10,000 in any combination give finite losses and gradients, and half precision a float32 loss."""
    far = torch.tensor([-1e4, -1e4, 0.0, 1e4, 1e4], dtype=dtype)
    real, fake = far.clone().requires_grad_(), far.flip(0).requires_grad_()
    for side in ADVERSARIAL[name]:
        loss = side(real, fake)
        assert loss.dtype == torch.float32
        assert loss.isfinite()
        for gradient in torch.autograd.grad(loss, (real, fake), allow_unused=True):
            assert gradient is None or gradient.isfinite().all()


@quick
@given(pairs=logits, shift=st.floats(-100, 100))
def test_relativistic_sees_differences_only(pairs: list[tuple[float, float]], shift: float) -> None:
    """One number added to all logits changes nothing, and the sides are each other with real and fake exchanged."""
    real, fake = (torch.tensor(side, dtype=torch.float64) for side in zip(*pairs, strict=True))
    critic, generator = RelativisticCritic(), RelativisticGenerator()
    torch.testing.assert_close(critic(real + shift, fake + shift), critic(real, fake))
    torch.testing.assert_close(generator(real, fake), critic(fake, real), rtol=0, atol=0)


def test_an_ignorant_critic_stands_where_the_docs_say() -> None:
    """Equal logits for real and fake give 2 ln 2 for bce, ln 2 for relativistic, 2 for hinge and 0 for wasserstein."""
    zeros = torch.zeros(4, 1)
    assert BCECritic()(zeros, zeros).item() == pytest.approx(2 * math.log(2))
    assert RelativisticCritic()(zeros, zeros).item() == pytest.approx(math.log(2))
    assert HingeCritic()(zeros, zeros).item() == 2
    assert WassersteinCritic()(zeros, zeros).item() == 0


def test_unpaired_losses_take_batches_of_any_shapes() -> None:
    """Where samples are not paired, real and fake may differ in shape: the result is that of each alone."""
    real, fake = torch.randn(5, 1, 3, 3), torch.randn(7, 1)
    nothing = torch.full((1,), -1e4)
    alone = BCECritic()(real, nothing) + BCEGenerator()(-fake)
    torch.testing.assert_close(BCECritic()(real, fake), alone)


# Tensors that torch would broadcast to B x B; the losses must refuse.
TRAPS: dict[str, Callable[[], object]] = {
    "relativistic_critic": lambda: RelativisticCritic()(torch.zeros(4, 1), torch.zeros(4)),
    "relativistic_generator": lambda: RelativisticGenerator()(torch.zeros(4, 1), torch.zeros(4)),
    "l1": lambda: L1()(torch.zeros(4, 1), torch.zeros(4)),
    "l2": lambda: L2()(torch.zeros(4, 1), torch.zeros(4)),
    "l1 of one image": lambda: L1()(torch.zeros(4, 3, 8, 8), torch.zeros(1, 3, 8, 8)),
    "l1, weights without a batch": lambda: L1()(
        torch.zeros(4, 3, 8, 8), torch.zeros(4, 3, 8, 8), torch.zeros(1, 1, 8, 8)
    ),
    "l2, weights without a channel": lambda: L2()(
        torch.zeros(8, 8, 8, 8), torch.zeros(8, 8, 8, 8), torch.zeros(8, 8, 8)
    ),
    "contrastive flags": lambda: SiameseContrastive()(torch.zeros(4, 3), torch.zeros(4, 3), torch.zeros(4, 1)),
    "contrastive features": lambda: SiameseContrastive()(torch.zeros(4, 3), torch.zeros(1, 3), torch.zeros(4)),
    "contrastive without samples": lambda: SiameseContrastive()(torch.zeros(4), torch.zeros(4), torch.zeros(4)),
    "wgan_gp": lambda: WGANGP()(nn.Linear(3, 1), torch.zeros(4, 3), torch.zeros(1, 3)),
    "perceptual": lambda: Perceptual()(torch.zeros(4, 3, 8, 8), torch.zeros(1, 3, 8, 8), nn.Identity()),
    "class logits of maps": lambda: CrossEntropy()(torch.zeros(4, 9, 1, 1), torch.zeros(4, 1, 1, dtype=torch.int64)),
    "labels in a column": lambda: CrossEntropy()(torch.zeros(4, 9), torch.zeros(4, 1, dtype=torch.int64)),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_is_broadcast_silently(trap: str) -> None:
    """Shapes that do not match are an error with both shapes, although torch would compute something."""
    with pytest.raises(ValueError, match=r"\(.*\).*\("):
        TRAPS[trap]()


WRONG_SETTINGS: dict[str, Callable[[], Loss]] = {
    "real_label": lambda: BCECritic(real_label=1.5),
    "real_target": lambda: LeastSquaresCritic(real_target=0.0),
    "label_smoothing": lambda: CrossEntropy(label_smoothing=1.0),
    "margin": lambda: SiameseContrastive(margin=0.0),
    "target": lambda: WGANGP(target=-1.0),
}


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_impossible_settings_are_refused_by_name(setting: str) -> None:
    """A setting that no training could use raises ValueError naming it."""
    with pytest.raises(ValueError, match=setting):
        WRONG_SETTINGS[setting]()


# ------------------------------------------------------------------------------------------------- gradient penalties


class Smooth(nn.Module):
    """A critic in float64 whose second derivatives are not zero."""

    def __init__(self, inputs: int = 6, outputs: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(inputs, 5), nn.Tanh(), nn.Linear(5, outputs)).double()

    def forward(self, input: Tensor) -> Tensor:
        scores: Tensor = self.layers(input)
        return scores


def test_the_penalty_of_a_linear_critic_is_known() -> None:
    """A critic w x + b slopes by |w| everywhere: R1 = R2 = |w|^2 / 2 and WGAN-GP = (|w| - target)^2."""
    critic = nn.Linear(7, 1).double()
    length = critic.weight.norm()
    real, fake = torch.randn(2, 5, 7, dtype=torch.float64)
    torch.testing.assert_close(R1()(critic, real), length**2 / 2)
    torch.testing.assert_close(R2()(critic, fake), length**2 / 2)
    torch.testing.assert_close(WGANGP()(critic, real, fake), (length - 1) ** 2)
    torch.testing.assert_close(WGANGP(target=0.2)(critic, real, fake), (length - 0.2) ** 2)


def test_one_sided_spares_a_gentle_critic() -> None:
    """With one_sided a slope below the target costs nothing, and one above it the same as otherwise."""
    gentle, steep = nn.Linear(4, 1), nn.Linear(4, 1)
    nn.init.constant_(gentle.weight, 0.1)
    nn.init.constant_(steep.weight, 3.0)
    real, fake = torch.randn(2, 5, 4)
    assert WGANGP(one_sided=True)(gentle, real, fake) == 0
    assert WGANGP()(gentle, real, fake) > 0
    torch.testing.assert_close(WGANGP(one_sided=True)(steep, real, fake), WGANGP()(steep, real, fake))


@pytest.mark.parametrize("outputs", [1, 3])
def test_r1_agrees_with_finite_differences(outputs: int) -> None:
    """Value and gradient into the critic's weights equal central differences; several outputs are summed."""
    torch.manual_seed(0)
    critic, real = Smooth(outputs=outputs), torch.randn(4, 2, 3, dtype=torch.float64)

    def value() -> float:
        step, total = 1e-5, 0.0
        with torch.no_grad():
            for sample in real:
                for place in range(sample.numel()):
                    nudge = torch.zeros(6, dtype=torch.float64)
                    nudge[place] = step
                    nudge = nudge.view_as(sample)
                    rise = critic((sample + nudge)[None]).sum() - critic((sample - nudge)[None]).sum()
                    total += (rise.item() / (2 * step)) ** 2
        return total / len(real) / 2

    penalty = R1()(critic, real)
    assert penalty.item() == pytest.approx(value(), rel=1e-7)
    penalty.backward()
    for weight in critic.parameters():
        slope = torch.zeros_like(weight) if weight.grad is None else weight.grad
        for place in range(min(weight.numel(), 4)):
            found, flat = slope.flatten()[place].item(), weight.data.view(-1)
            flat[place] += 1e-4
            above = value()
            flat[place] -= 2e-4
            below = value()
            flat[place] += 1e-4
            assert found == pytest.approx((above - below) / 2e-4, rel=1e-4, abs=1e-6)


def test_wgan_gp_follows_its_definition() -> None:
    """With the shares that the global generator gives, the penalty equals a loop over samples in plain autograd."""
    critic = Smooth()
    real, fake = torch.randn(2, 5, 6, dtype=torch.float64)
    torch.manual_seed(3)
    found = WGANGP()(critic, real, fake)
    torch.manual_seed(3)
    shares = torch.rand(5, 1)
    total = 0.0
    for one, other, share in zip(real, fake, shares, strict=True):
        between = ((1 - share.double()) * one + share.double() * other)[None].requires_grad_()
        (slope,) = torch.autograd.grad(critic(between), between)
        total += (slope.norm().item() - 1) ** 2
    assert found.item() == pytest.approx(total / 5)


def test_penalties_are_the_critics_alone() -> None:
    """No gradient reaches the samples' origin, and every weight that bends the slope gets one."""
    critic = Smooth()
    real, fake = (torch.randn(4, 6, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for penalty in (R1()(critic, real), R2()(critic, fake), WGANGP()(critic, real, fake)):
        weights = [critic.layers[1].weight, critic.layers[1].bias, critic.layers[3].weight]
        for gradient in torch.autograd.grad(penalty, weights, retain_graph=True):
            assert gradient.abs().sum() > 0
        assert torch.autograd.grad(penalty, (real, fake), allow_unused=True) == (None, None)


def test_penalties_take_half_precision() -> None:
    """A critic in bfloat16 is differentiated as it is; the penalty is summed in float32."""
    critic = nn.Linear(5, 1).bfloat16()
    real, fake = torch.randn(2, 3, 5).bfloat16()
    for penalty in (R1()(critic, real), R2()(critic, fake), WGANGP()(critic, real, fake)):
        assert penalty.dtype == torch.float32
        assert penalty.isfinite()


def test_a_flat_critic_gives_no_nan() -> None:
    """A critic of slope 0 costs target^2 and has a finite gradient, although the norm has a corner there."""
    critic = nn.Linear(3, 1)
    nn.init.zeros_(critic.weight)
    penalty = WGANGP()(critic, *torch.randn(2, 4, 3))
    assert penalty == 1
    penalty.backward()
    assert critic.weight.grad is not None
    assert critic.weight.grad.isfinite().all()


def test_a_critic_that_ignores_its_input_is_an_error() -> None:
    """Without a path from input to output there is no slope, and the message says so."""
    for deaf in (lambda input: torch.ones(2), lambda input: nn.Linear(1, 1)(torch.ones(1))):
        with pytest.raises(ValueError, match="does not depend on its input"):
            R1()(deaf, torch.zeros(2, 3))


# ------------------------------------------------------------------------------------------- labels, pairs and pixels


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_is_the_log_likelihood(smoothing: float) -> None:
    """The mean over samples of -sum over classes of the (smoothed) label times the log-probability."""
    scores, labels = torch.randn(6, 9, dtype=torch.float64), torch.randint(9, (6,))
    total = 0.0
    for row, label in zip(log_softmax(scores, dim=1), labels, strict=True):
        total -= sum(((1 - smoothing) * (k == label) + smoothing / 9) * row[k].item() for k in range(9))
    found = CrossEntropy(label_smoothing=smoothing)(scores, labels)
    assert found.item() == pytest.approx(total / 6)


def test_cross_entropy_of_ignorance_and_extremes() -> None:
    """Equal logits cost ln K; logits of +-10,000 cost a finite number, in bfloat16 too; labels must be int64."""
    labels = torch.tensor([0, 8])
    assert CrossEntropy()(torch.zeros(2, 9), labels).item() == pytest.approx(math.log(9))
    far = torch.full((2, 9), -1e4, dtype=torch.bfloat16)
    far[:, 0] = 1e4
    assert CrossEntropy()(far, labels).item() == pytest.approx(1e4, rel=0.01)
    with pytest.raises(ValueError, match="int64"):
        CrossEntropy()(torch.zeros(2, 9), labels.float())


def _pair_by_pair(first: Tensor, second: Tensor, same: Tensor, margin: float) -> float:
    total = 0.0
    for one, other, flag in zip(first, second, same, strict=True):
        distance = math.dist(one.flatten().tolist(), other.flatten().tolist())
        total += distance**2 if flag else max(0.0, margin - distance) ** 2
    return total / len(same)


@quick
@given(seed=st.integers(0, 999), size=st.integers(1, 6), margin=st.floats(0.1, 5))
def test_contrastive_pairs_sample_with_sample(seed: int, size: int, margin: float) -> None:
    """The loss equals a loop over pairs for maps of any shape and flags of any dtype: never B x B."""
    maps = torch.randn(2, size, 3, 2, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    same = torch.randint(2, (size,), generator=torch.Generator().manual_seed(seed))
    for flags in (same, same.bool(), same.float()):
        found = SiameseContrastive(margin=margin)(*maps, flags)
        assert found.item() == pytest.approx(_pair_by_pair(*maps, same, margin))


def test_contrastive_moves_pairs_the_right_way() -> None:
    """Descent brings same pairs together and others apart, leaves those beyond the margin, and has no NaN at 0."""
    first = torch.tensor([[0.0], [0.0], [0.0], [0.0]], requires_grad=True)
    second = torch.tensor([[1.0], [1.0], [9.0], [0.0]])
    (gradient,) = torch.autograd.grad(SiameseContrastive()(first, second, torch.tensor([1, 0, 0, 0])), first)
    towards, away, beyond, together = gradient.squeeze()
    assert towards < 0 < away
    assert beyond == 0
    assert together == 0


@quick
@given(scale=st.floats(0.01, 100))
def test_pixel_losses_scale_as_norms_do(scale: float) -> None:
    """Images k times as large are k times as far apart by l1 and k^2 times by l2; the order of the two is nothing."""
    output, target = torch.randn(2, 2, 3, 4, 4, dtype=torch.float64)
    torch.testing.assert_close(L1()(scale * output, scale * target), scale * L1()(output, target))
    torch.testing.assert_close(L2()(scale * output, scale * target), scale**2 * L2()(output, target))
    torch.testing.assert_close(L1()(output, target), L1()(target, output), rtol=0, atol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_weights_multiply_both_sides(channels: int) -> None:
    """Weighted l1 and l2 are the plain ones of weights x output and weights x target, one channel serving all."""
    output, target = torch.randn(2, 2, 3, 4, 4, dtype=torch.float64)
    weights = torch.rand(2, channels, 4, 4, dtype=torch.float64) * 20
    for loss in (L1(), L2()):
        torch.testing.assert_close(loss(output, target, weights), loss(weights * output, weights * target))
        ones = torch.ones_like(weights)
        torch.testing.assert_close(loss(output, target, ones), loss(output, target))


def test_pixel_losses_in_half_precision_keep_small_differences() -> None:
    """The loss of bfloat16 images is that of the same numbers in float64: nothing is rounded to 8 bits on the way."""
    output, target = torch.randn(2, 2, 3, 16, 16).bfloat16()
    for loss in (L1(), L2()):
        assert loss(output, target).item() == pytest.approx(loss(output.double(), target.double()).item(), rel=1e-5)


# ------------------------------------------------------------------------------------------------------- perceptual


class Levels(nn.Module):
    """Two levels of features, the second at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3).double(), nn.Conv2d(4, 8, 3, stride=2).double()

    def forward(self, input: Tensor) -> tuple[Tensor, Tensor]:
        first = self.first(input).relu()
        return first, self.second(first).relu()


def test_perceptual_averages_levels() -> None:
    """The loss is the mean over levels of the mean absolute difference, and of a single tensor just that."""
    output, target = torch.randn(2, 2, 3, 9, 9, dtype=torch.float64)
    features = Levels()
    pairs = zip(features(output), features(target), strict=True)
    expected = sum((one - other).abs().mean() for one, other in pairs) / 2
    torch.testing.assert_close(Perceptual()(output, target, features), expected)
    torch.testing.assert_close(Perceptual()(output, target, nn.Identity()), L1()(output, target))


def test_perceptual_with_unit_length_forgets_each_levels_scale() -> None:
    """With unit_length a level that is a hundred times stronger changes nothing; without, it leads the loss."""
    output, target = torch.randn(2, 2, 3, 9, 9, dtype=torch.float64)
    features = Levels()

    def louder(input: Tensor) -> tuple[Tensor, Tensor]:
        first, second = features(input)
        return first, 100 * second

    alike = Perceptual(unit_length=True)
    torch.testing.assert_close(alike(output, target, louder), alike(output, target, features))
    assert Perceptual()(output, target, louder) > 2 * Perceptual()(output, target, features)


def test_perceptual_leads_the_output_to_the_target_only() -> None:
    """The gradient reaches the output through the network, never the target; equal images cost nothing."""
    output, target = torch.randn(2, 2, 3, 9, 9, dtype=torch.float64).unbind()
    output, target = output.requires_grad_(), target.requires_grad_()
    for loss in (Perceptual(), Perceptual(unit_length=True)):
        by_output, by_target = torch.autograd.grad(loss(output, target, Levels()), (output, target), allow_unused=True)
        assert by_output.abs().sum() > 0
        assert by_output.isfinite().all()
        assert by_target is None
        assert loss(output, output, Levels()) == 0


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return float(sum(numbers) / len(numbers))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


_log = math.log
