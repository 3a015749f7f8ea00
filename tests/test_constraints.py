"""Constraints: what they hold networks to, and what they leave alone."""

from __future__ import annotations

from typing import get_args

import pytest
import torch
from timm.layers import BatchNormAct2d, GroupNorm1, LayerNorm2d, RmsNorm
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._python_dispatch import TorchDispatchMode

from gan_recipe_plugins.spectral_norm import Layer, SpectralNorm
from gan_recipe_plugins.wgan_clip import WGANClip

NORMS = [
    nn.BatchNorm1d(8),
    nn.BatchNorm2d(8),
    nn.InstanceNorm2d(8, affine=True),
    nn.GroupNorm(2, 8),
    nn.LayerNorm(8),
    nn.RMSNorm(8),
    BatchNormAct2d(8),
    GroupNorm1(8),
    LayerNorm2d(8),
    RmsNorm(8),
]


def critic(widths: tuple[int, ...] = (16, 32, 32, 64)) -> nn.Sequential:
    """Strided convolutions with batch norm on all but the first, then one score."""
    layers: list[nn.Module] = []
    inputs = 3
    for place, width in enumerate(widths):
        layers.append(nn.Conv2d(inputs, width, 3, stride=2, padding=1))
        layers += [nn.BatchNorm2d(width)] if place else []
        layers.append(nn.LeakyReLU(0.2))
        inputs = width
    return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(1))


def spread(network: nn.Module, images: Tensor) -> float:
    with torch.no_grad():
        return float(network(images).std())


@pytest.mark.parametrize("limit", [0.01, 0.3])
def test_clip_bounds_every_weight_and_moves_no_other(limit: float) -> None:
    """After a clip each weight is what it was, or the limit where it was beyond it."""
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.PReLU(), nn.Flatten(), nn.Linear(8, 2), nn.Embedding(5, 2))
    before = [weight.detach().clone() for weight in network.parameters()]
    WGANClip(limit=limit).enforce(network)
    for old, new in zip(before, network.parameters(), strict=True):
        assert torch.equal(new, old.clamp(-limit, limit))
    assert any((old.abs() > limit).any() for old in before)


@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: type(norm).__name__)
def test_norms_are_spared_unless_asked(norm: nn.Module) -> None:
    """Gains and offsets of torch's and timm's norms stay as they are; with spare_norms = false they are clipped too."""
    network = nn.Sequential(nn.Linear(8, 8), norm)
    with torch.no_grad():
        for weight in norm.parameters():
            weight.fill_(0.7)
    WGANClip().enforce(network)
    assert list(norm.parameters())
    assert all((weight == 0.7).all() for weight in norm.parameters())
    assert network[0].weight.abs().max() <= 0.01
    WGANClip(spare_norms=False).enforce(network)
    assert all((weight == torch.tensor(0.01)).all() for weight in norm.parameters())


def test_the_literal_clip_flattens_a_normalised_critic() -> None:
    """Clipping batch-norm gains leaves next to nothing of the scores' spread; sparing them keeps a usable part.

    With gains of 1 a batch norm undoes the scale of the clipped convolution before it; with gains of 0.01 each of the
    three passes on a hundredth, so the two clips must differ by about 100^3 / (what the last layer's offset hides).
    """
    torch.manual_seed(0)
    images = torch.rand(32, 3, 32, 32) * 2 - 1
    network = critic()
    fresh = spread(network, images)
    WGANClip().enforce(network)
    spared = spread(network, images)
    WGANClip(spare_norms=False).enforce(network)
    literal = spread(network, images)
    assert spared > 0.05 * fresh
    assert literal < 1e-4 * fresh
    assert literal < 1e-3 * spared


def test_clip_waits_for_nothing_and_records_nothing() -> None:
    """Enforcing leaves no graph behind and never reads a number back, which on a GPU would wait for it."""
    network = critic()
    network(torch.zeros(2, 3, 32, 32))
    called: list[str] = []

    class Listen(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            called.append(str(func))
            return func(*args, **(kwargs or {}))

    with Listen():
        WGANClip().enforce(network)
    assert called
    assert all("clamp" in name for name in called)
    assert all(weight.is_leaf and weight.requires_grad for weight in network.parameters())


def test_clip_of_nothing_is_nothing() -> None:
    """A network without weights, or with norms alone, is left in peace."""
    WGANClip().enforce(nn.ReLU())
    WGANClip().enforce(nn.BatchNorm2d(3))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(6, 4), (2, 6)),
        (nn.Conv2d(3, 8, 3), (2, 3, 5, 5)),
        (nn.ConvTranspose2d(3, 8, 3), (2, 3, 5, 5)),
    ],
    ids=["linear", "convolution", "transposed"],
)
def test_spectral_norm_makes_the_largest_singular_value_one(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """After some passes in training mode the weight's largest singular value, by a full decomposition, is 1."""
    torch.manual_seed(0)
    before = layer.weight.detach().clone()
    network = nn.Sequential(layer, nn.ReLU())
    SpectralNorm(power_iterations=5).attach(network)
    for _ in range(30):
        network(torch.randn(shape))
    outputs_first = (lambda w: w.transpose(0, 1)) if isinstance(layer, nn.ConvTranspose2d) else (lambda w: w)
    singular = torch.linalg.svdvals(outputs_first(layer.weight.detach()).flatten(1))
    assert singular[0].item() == pytest.approx(1, abs=1e-3)
    expected = before / torch.linalg.matrix_norm(outputs_first(before).flatten(1), 2)
    torch.testing.assert_close(layer.weight.detach(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("spared", get_args(Layer))
def test_spectral_norm_spares_what_is_named(spared: Layer) -> None:
    """Each kind of layer that is spared keeps its plain weight, and every other kind is normalised."""
    layers = {
        "convolution": nn.Conv2d(3, 3, 3),
        "transposed_convolution": nn.ConvTranspose2d(3, 3, 3),
        "linear": nn.Linear(3, 3),
        "embedding": nn.Embedding(3, 3),
    }
    network = nn.ModuleDict(layers)
    SpectralNorm(spare=(spared,)).attach(network)
    assert {kind for kind, layer in layers.items() if not is_parametrized(layer)} == {spared}


def test_spectral_norm_bounds_the_slope_of_the_network() -> None:
    """A chain of normalised linear layers and ReLUs never stretches a difference, however large its weights were."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(10, 10), nn.ReLU(), nn.Linear(10, 1))
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(50)
    SpectralNorm(power_iterations=3).attach(network)
    for _ in range(20):
        network(torch.randn(2, 10))
    first, second = torch.randn(2, 100, 10)
    moved = (network(first) - network(second)).norm(dim=1)
    assert (moved <= 1.001 * (first - second).norm(dim=1)).all()


def test_spectral_norm_attaches_once_and_needs_a_layer() -> None:
    """Attaching again (two players share a trunk) changes nothing; nothing to attach to is an error that says why."""
    network = nn.Sequential(nn.Linear(3, 3))
    SpectralNorm().attach(network)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    SpectralNorm().attach(network)
    assert state.keys() == network.state_dict().keys()
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    with pytest.raises(ValueError, match="no layer"):
        SpectralNorm().attach(nn.BatchNorm2d(3))
    with pytest.raises(ValueError, match="spared: linear"):
        SpectralNorm(spare=("linear",)).attach(nn.Linear(3, 3))


def test_impossible_settings_are_refused_by_name() -> None:
    """A limit that is not positive and a negative number of iterations raise ValueError naming the setting."""
    with pytest.raises(ValueError, match="limit"):
        WGANClip(limit=0.0)
    with pytest.raises(ValueError, match="power_iterations"):
        SpectralNorm(power_iterations=0)
