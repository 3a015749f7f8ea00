"""What every network keeps: its shapes, its gradients, its seed, and a sample's independence of its neighbours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from built import build, each, images, labels, pyramid
from torch import Tensor, nn

from gan_recipe import ClassCount, Network
from gan_recipe_plugins.big_kernel_conv import BigKernelConv
from gan_recipe_plugins.casia import CasiaDecoder, CasiaEncoder
from gan_recipe_plugins.channels import Channels
from gan_recipe_plugins.dcgan import DCGANDecoder, DCGANEncoder
from gan_recipe_plugins.linear_fc import LinearFC
from gan_recipe_plugins.one_hot import OneHot
from gan_recipe_plugins.patch_encoder import PatchEncoder
from gan_recipe_plugins.patch_head import PatchHead
from gan_recipe_plugins.projection_head import ProjectionHead
from gan_recipe_plugins.srgan import SRGANHead, SRGANTrunk
from gan_recipe_plugins.timm_encoder import TimmEncoder
from gan_recipe_plugins.unet import UNetDecoder
from gan_recipe_plugins.upsample_decoder import UpsampleDecoder

Case = tuple[Network, tuple[Any, ...], tuple[int, ...]]


# Tiny widths: each test below runs all of them.
CASES: dict[str, Callable[[], Case]] = {
    "casia encoder": lambda: (CasiaEncoder(width=0.1), (images(32, 48),), (2, 32, 2, 3)),
    "casia encoder, stem 2": lambda: (CasiaEncoder(width=0.1, stem=2), (images(32, 48),), (2, 32, 2, 3)),
    "casia encoder, residual": lambda: (
        CasiaEncoder(width=0.1, residual=True, norm="group"),
        (images(32),),
        (2, 32, 2, 2),
    ),
    "casia encoder, bare": lambda: (
        CasiaEncoder(width=0.1, norm="none", activation="leaky_relu", residual=True, stem=2),
        (images(16),),
        (2, 32, 1, 1),
    ),
    "casia encoder of a pair": lambda: (CasiaEncoder(width=0.1), (images(16), images(16, channels=1)), (2, 32, 1, 1)),
    "casia decoder of a map": lambda: (CasiaDecoder(width=0.1), (torch.randn(2, 5, 2, 3),), (2, 3, 32, 48)),
    "casia decoder, stem 2": lambda: (CasiaDecoder(width=0.1, stem=2), (torch.randn(2, 5, 2, 3),), (2, 3, 32, 48)),
    "casia decoder of a map and vectors": lambda: (
        CasiaDecoder(width=0.1, norm="group"),
        (torch.randn(2, 4), torch.randn(2, 5, 2, 2), torch.randn(2, 3)),
        (2, 3, 32, 32),
    ),
    "casia decoder that pools": lambda: (
        CasiaDecoder(width=0.1, norm="none", pool=True),
        (torch.randn(2, 5, 2, 2), torch.randn(2, 4)),
        (2, 3, 32, 32),
    ),
    "casia decoder of vectors": lambda: (
        CasiaDecoder(width=0.1, size=16, image_channels=1, activation="leaky_relu"),
        (torch.randn(2, 5), torch.randn(2, 4)),
        (2, 1, 16, 16),
    ),
    "srgan trunk": lambda: (SRGANTrunk(width=0.1), (images(32, 16),), (2, 48, 2, 1)),
    "srgan head": lambda: (SRGANHead(width=0.02), (torch.randn(2, 5, 2, 3),), (2, 1)),
    "dcgan encoder": lambda: (DCGANEncoder(width=0.05), (images(48),), (2, 24, 6, 6)),
    "dcgan encoder, kernel 5": lambda: (DCGANEncoder(width=0.05, kernel=5, norm="none"), (images(32),), (2, 24, 4, 4)),
    "dcgan decoder": lambda: (
        DCGANDecoder(size=32, width=0.05),
        (torch.randn(2, 7), torch.randn(2, 3)),
        (2, 3, 32, 32),
    ),
    "dcgan decoder, kernel 5": lambda: (
        DCGANDecoder(size=24, width=0.05, kernel=5, norm="group", image_channels=1),
        (torch.randn(2, 7),),
        (2, 1, 24, 24),
    ),
    "patch encoder": lambda: (PatchEncoder(width=0.1), (images(32), images(32)), (2, 48, 3, 3)),
    "patch encoder, instance norm": lambda: (
        PatchEncoder(width=0.1, strides=1, norm="instance"),
        (images(8),),
        (2, 16, 3, 3),
    ),
    "patch head": lambda: (PatchHead(), (torch.randn(2, 5, 3, 4),), (2, 1, 2, 3)),
    "unet decoder": lambda: (UNetDecoder(), (pyramid(8, 16, 16, 24, 24, 24, side=32),), (2, 3, 64, 64)),
    "unet decoder, one level": lambda: (UNetDecoder(norm="none"), (pyramid(8, side=4),), (2, 3, 8, 8)),
    "upsample decoder of vectors": lambda: (UpsampleDecoder(size=24, width=0.1), (torch.randn(2, 7),), (2, 3, 24, 24)),
    "upsample decoder of a map": lambda: (
        UpsampleDecoder(size=16, width=0.1, resize="bilinear", norm="group"),
        (torch.randn(2, 7, 4, 4), torch.randn(2, 3)),
        (2, 3, 16, 16),
    ),
    "upsample decoder that pools": lambda: (
        UpsampleDecoder(size=16, width=0.1, pool=True, norm="none"),
        (torch.randn(2, 7, 5, 3),),
        (2, 3, 16, 16),
    ),
    "linear fc on maps": lambda: (LinearFC(), (torch.randn(2, 5, 3, 3),), (2, 1)),
    "linear fc on vectors": lambda: (LinearFC(outputs=ClassCount(9)), (torch.randn(2, 5),), (2, 9)),
    "big kernel conv": lambda: (BigKernelConv(outputs=ClassCount(29)), (torch.randn(2, 5, 2, 3),), (2, 29)),
    "big kernel conv, norm on the logit": lambda: (
        BigKernelConv(norm_on_logit=True),
        (torch.randn(2, 5, 3, 3),),
        (2, 1),
    ),
    "projection head": lambda: (ProjectionHead(ClassCount(2)), (torch.randn(2, 5, 3, 3), labels(0, 1)), (2, 1)),
    "channels": lambda: (Channels(first=2, stop=5), (torch.randn(2, 7, 3, 3),), (2, 3, 3, 3)),
    "one hot": lambda: (OneHot(ClassCount(4)), (labels(3, 0),), (2, 4)),
    "timm, frozen": lambda: (TimmEncoder("resnet10t", frozen=True), (images(32),), (2, 512, 1, 1)),
    "timm, trained": lambda: (TimmEncoder("test_resnet", levels=(0,)), (images(32, channels=1),), (2, 32, 16, 16)),
}

without_parameters = {"channels", "one hot", "timm, frozen"}
# Batch norm mixes the samples of a batch in training; the defect does so on purpose.
every_case = pytest.mark.parametrize("name", CASES)


@every_case
def test_output_has_the_promised_shape(name: str) -> None:
    """Each network gives the shape that its docstring promises, for the examples and for another batch size."""
    network, inputs, shape = CASES[name]()
    module = build(network, *inputs)
    assert module(*inputs).shape == shape
    twice = [each(value, lambda x: torch.cat([x, x])) for value in inputs]
    assert module(*twice).shape == (4, *shape[1:])


@every_case
def test_gradients_reach_every_parameter(name: str) -> None:
    """No parameter is idle: each gets a gradient that is not all zero, and a frozen network has none at all."""
    network, inputs, _ = CASES[name]()
    module = build(network, *inputs)
    assert bool(list(module.parameters())) == (name not in without_parameters)
    if not list(module.parameters()):
        return
    # Two different weights per sample: a sum over a batch-normalised batch would be constant.
    output = module(*inputs)
    (output * torch.randn_like(output)).sum().backward()
    idle = [key for key, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert idle == []


@every_case
def test_seed_decides_the_weights(name: str) -> None:
    """The caller's seed gives the same weights twice, and another seed others."""
    network, inputs, _ = CASES[name]()
    first, again, other = (build(network, *inputs, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    if any(torch.is_floating_point(value) for value in first.values()):
        assert any(not torch.equal(first[key], other[key]) for key in first)


@every_case
def test_state_dict_round_trips(name: str) -> None:
    """Weights loaded into a network built from another seed reproduce the first network's output exactly."""
    network, inputs, _ = CASES[name]()
    first, second = build(network, *inputs, seed=1), build(network, *inputs, seed=2)
    second.load_state_dict(first.state_dict())
    assert torch.equal(first.eval()(*inputs), second.eval()(*inputs))


@every_case
def test_a_sample_alone_gives_the_same_in_eval_mode(name: str) -> None:
    """In eval mode a sample's output does not depend on the batch around it."""
    network, inputs, _ = CASES[name]()
    module = build(network, *inputs).eval()
    alone = [each(value, lambda x: x[:1]) for value in inputs]
    torch.testing.assert_close(module(*alone), module(*inputs)[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("norm", ["none", "group", "batch"])
def test_only_batch_norm_mixes_samples_in_training(norm: Any) -> None:
    """In training a critic's verdict on a sample ignores its neighbours, unless it normalises over the batch."""
    x = images(32, batch=4)
    module = build(CasiaEncoder(width=0.1, norm=norm), x)
    same = torch.allclose(module(x)[:2], module(x[:2]), rtol=1e-4, atol=1e-5)
    assert same == (norm != "batch")


@every_case
def test_channels_last_changes_nothing(name: str) -> None:
    """The memory layout of weights and inputs does not change the output beyond rounding."""
    network, inputs, _ = CASES[name]()
    module = build(network, *inputs).eval()
    expected = module(*inputs)

    def convert(x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last) if x.dim() == 4 else x

    actual = module.to(memory_format=torch.channels_last)(*(each(value, convert) for value in inputs))
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-5)


@every_case
def test_bfloat16_autocast_is_close(name: str) -> None:
    """Under bf16 autocast every network runs, and its output stays near the float32 one."""
    network, inputs, _ = CASES[name]()
    module = build(network, *inputs).eval()
    expected = module(*inputs)
    with torch.autocast("cpu", torch.bfloat16):
        actual = module(*inputs).float()
    assert (actual - expected).norm() <= 0.05 * expected.norm() + 1e-3


CRITICS: dict[str, Callable[[], tuple[Network, Network | None, Tensor]]] = {
    "casia": lambda: (CasiaEncoder(width=0.1, norm="none"), LinearFC(), images(16)),
    "casia, residual, group norm, stem 2": lambda: (
        CasiaEncoder(width=0.1, norm="group", residual=True, stem=2),
        BigKernelConv(),
        images(32),
    ),
    "casia, batch norm": lambda: (CasiaEncoder(width=0.1), BigKernelConv(norm_on_logit=True), images(32, batch=3)),
    "srgan": lambda: (SRGANTrunk(width=0.05), SRGANHead(width=0.05), images(32)),
    "dcgan": lambda: (DCGANEncoder(width=0.05), LinearFC(), images(16)),
    "patches": lambda: (PatchEncoder(width=0.1, strides=1, norm="instance"), PatchHead(), images(8)),
    "channels": lambda: (PatchEncoder(width=0.1, strides=1, norm="none"), Channels(stop=1), images(8)),
    "timm": lambda: (TimmEncoder("test_resnet", frozen=True, levels=(0,)), PatchHead(), images(16)),
}


@pytest.mark.parametrize("name", CRITICS)
def test_gradient_penalty_matches_finite_differences(name: str) -> None:
    """R1, the squared gradient of the verdict by the image, can itself be differentiated by the weights.

    Its derivative along a random direction of all weights (of the image, where there are none), in float64, equals
    central differences: an independent reference for the double backward.
    """
    network, head_network, x = CRITICS[name]()
    x = x.double().requires_grad_()
    trunk = build(network, x.float()).double()
    head = build(head_network, trunk(x).float()).double() if head_network else nn.Identity()
    modules = nn.ModuleList([trunk, head])
    parameters: list[Tensor] = list(modules.parameters()) or [x]

    def penalty() -> Tensor:
        (gradient,) = torch.autograd.grad(head(trunk(x)).square().sum(), x, create_graph=True)
        return gradient.square().sum()

    gradients = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    assert all(g is None or g.isfinite().all() for g in gradients)
    directions = [torch.randn_like(p) for p in parameters]
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True) if g is not None)
    # So small that hardly ever a rectifier changes sides between the two.
    step, values = 1e-8, []
    for sign in (1, -2):
        with torch.no_grad():
            for p, d in zip(parameters, directions, strict=True):
                p.add_(d, alpha=sign * step)
        values.append(penalty().detach())
    torch.testing.assert_close(torch.as_tensor(slope), (values[0] - values[1]) / (2 * step), rtol=1e-3, atol=1e-6)


HEADS: dict[str, tuple[Network, tuple[int, ...]]] = {
    "linear fc": (LinearFC(outputs=ClassCount(2)), (2, 3, 2, 2)),
    "big kernel conv": (BigKernelConv(), (2, 3, 2, 2)),
    "srgan head": (SRGANHead(width=0.01), (2, 3, 2, 2)),
    "patch head": (PatchHead(), (1, 2, 3, 3)),
}


@pytest.mark.parametrize("name", HEADS)
def test_heads_pass_gradcheck(name: str) -> None:
    """First and second derivatives of each head by its features equal numerical ones in float64."""
    network, shape = HEADS[name]
    torch.manual_seed(3)
    features = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    module = build(network, features.float()).double()
    assert torch.autograd.gradcheck(module, (features,))
    assert torch.autograd.gradgradcheck(module, (features,))


def test_projection_head_passes_gradcheck() -> None:
    """First and second derivatives of the projection by its features equal numerical ones in float64."""
    features = torch.randn(2, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    y = labels(1, 0)
    module = build(ProjectionHead(ClassCount(2)), features, y).double()
    assert torch.autograd.gradcheck(lambda f: module(f, y), (features,))
    assert torch.autograd.gradgradcheck(lambda f: module(f, y), (features,))


def test_widths_are_multiples_of_eight() -> None:
    """Whatever the width, channels are multiples of 8, at least 8, and rise with it."""
    from gan_recipe_plugins._width import scaled

    counts = [scaled(96, width / 100) for width in range(1, 300)]
    assert all(c % 8 == 0 and c >= 8 for c in counts)
    assert counts == sorted(counts)
    assert scaled(320, 1.0) == 320
