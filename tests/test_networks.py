"""The networks: shapes, counts, gradients, and what each refuses."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
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
from gan_recipe_plugins.unet import UNetDecoder, UNetEncoder
from gan_recipe_plugins.upsample_decoder import UpsampleDecoder

Case = tuple[Network, tuple[Any, ...], tuple[int, ...]]


def images(height: int, width: int | None = None, *, batch: int = 2, channels: int = 3) -> Tensor:
    return torch.rand(batch, channels, height, width or height) * 2 - 1


def labels(*values: int) -> Tensor:
    return torch.tensor(values)


def pyramid(*channels: int, side: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(2, count, side >> level, side >> level) for level, count in enumerate(channels))


def build(network: Network, *inputs: Any, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return network.build(*inputs)


def each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)


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


# ---------------------------------------------------------------------------------------------------------- counts


def count(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_casia_encoder_counts_as_in_the_table() -> None:
    """3-32-64, 64-64-128, 128-96-192, 192-128-256, 256-160-320: 3x3 kernels, batch norm's two numbers a channel."""
    sides = [3, 32, 64, 64, 128, 96, 192, 128, 256, 160, 320]
    kernels = sum(9 * a * b for a, b in pairwise(sides))
    assert count(CasiaEncoder().build(images(96))) == kernels + 2 * sum(sides[1:])
    assert count(CasiaEncoder(norm="none").build(images(96))) == kernels + sum(sides[1:])
    shortcuts = 3 * 64 + 64 * 128 + 128 * 192 + 192 * 256 + 256 * 320
    assert count(CasiaEncoder(residual=True).build(images(96))) == kernels + 2 * sum(sides[1:]) + shortcuts


def test_casia_decoder_counts_as_the_mirror() -> None:
    """240-160-256, 256-128-192, 192-96-128, 128-64-64, 64-32-3; 4x4 kernels where it doubles, a bias on the last."""
    plain = 9 * (240 * 160 + 256 * 128 + 192 * 96 + 128 * 64 + 64 * 32 + 32 * 3) + 3
    doubling = 16 * (160 * 256 + 128 * 192 + 96 * 128 + 64 * 64)
    norms = 2 * (160 + 256 + 128 + 192 + 96 + 128 + 64 + 64 + 32)
    assert count(CasiaDecoder().build(torch.randn(2, 240, 6, 6))) == plain + doubling + norms


def test_casia_decoder_counts_its_projection() -> None:
    """The last version: 320 features, 100 noise, 9 poses and 20 lights to 320x6x6 by one linear layer with a bias."""
    inputs = torch.randn(2, 320, 6, 6), torch.randn(2, 100), torch.randn(2, 9), torch.randn(2, 20)
    of_map = count(CasiaDecoder().build(inputs[0]))
    assert count(CasiaDecoder(pool=True).build(*inputs)) - of_map == (320 + 100 + 9 + 20 + 1) * 320 * 6 * 6


def test_srgan_counts_as_in_the_figure() -> None:
    """64, 64, 128, 128, 256, 256, 512, 512 from 3x3 kernels, no norm on the first; head 6x6 to 512, 1024, 1."""
    sides = [3, 64, 64, 128, 128, 256, 256, 512, 512]
    trunk = sum(9 * a * b for a, b in pairwise(sides)) + 64 + 2 * sum(sides[2:])
    x = images(96)
    assert count(SRGANTrunk().build(x)) == trunk
    head = (36 * 512 * 512 + 512) + (512 * 1024 + 1024) + (1024 + 1)
    assert count(SRGANHead().build(torch.randn(2, 512, 6, 6))) == head


def test_dcgan_counts_as_in_the_figure() -> None:
    """100 noise to 1024x4x4, 512, 256, 128, 3 by 5x5 kernels; batch norm on all but the last, which has a bias."""
    sides = [1024, 512, 256, 128, 3]
    kernels = sum(25 * a * b for a, b in pairwise(sides))
    projection = 101 * 1024 * 16
    decoder = DCGANDecoder(kernel=5).build(torch.randn(2, 100))
    assert count(decoder) == projection + kernels + 2 * (1024 + 512 + 256 + 128) + 3
    encoder = DCGANEncoder(kernel=5).build(images(64))
    assert count(encoder) == 25 * (3 * 128 + 128 * 256 + 256 * 512 + 512 * 1024) + 128 + 2 * (256 + 512 + 1024)


def test_pix2pix_counts_and_sees_70_pixels() -> None:
    """On a pair, trunk and head have the 2.769 M that the authors' code prints, and each logit sees 70x70 px."""
    x, y = images(80), images(80)
    trunk = PatchEncoder().build(x, y)
    head = PatchHead().build(trunk(x, y))
    by_hand = 16 * (6 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512) + 64 + 2 * (128 + 256 + 512) + 1
    assert count(trunk) + count(head) == by_hand
    assert round(by_hand / 1e6, 3) == 2.769
    trunk.eval()
    x.requires_grad_()
    logits = head(trunk(x, y))
    (seen,) = torch.autograd.grad(logits[0, 0, 4, 4], x)
    touched = seen[0].abs().sum(0)
    assert [int(touched.any(side).sum()) for side in (0, 1)] == [70, 70]


def test_unet_counts_as_pix2pix() -> None:
    """At 256 px and eight levels the two halves have the 54.41 million parameters that the authors' code prints."""
    x = images(256, batch=1)
    encoder = UNetEncoder().build(x)
    with torch.no_grad():
        maps = encoder(x)
    assert [tuple(m.shape[1:]) for m in maps[:3]] == [(64, 128, 128), (128, 64, 64), (256, 32, 32)]
    assert maps[-1].shape == (1, 512, 1, 1)
    assert round((count(encoder) + count(UNetDecoder().build(maps))) / 1e6, 2) == 54.41


@pytest.mark.parametrize("size", [64, 96, 128])
def test_stem_2_costs_what_it_says(size: int) -> None:
    """The folded encoder gives the same code shape for 0.29 of the multiplications."""
    from torch.utils.flop_counter import FlopCounterMode

    x = images(size, batch=1)
    flops = []
    for network in (CasiaEncoder(), CasiaEncoder(stem=2)):
        module = network.build(x)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            assert module(x).shape == (1, 320, size // 16, size // 16)
        flops.append(counter.get_total_flops())
    assert round(flops[1] / flops[0], 2) == 0.29


# ---------------------------------------------------------------------------------------------------------- meanings


def test_unet_halves_fit_and_skip() -> None:
    """The decoder turns the encoder's tuple into an image of the encoder's size, and uses every map of it."""
    x = images(32, 64)
    encoder = build(UNetEncoder(width=0.1), x)
    maps = tuple(m.detach().requires_grad_() for m in encoder(x))
    assert len(maps) == 5
    decoder = build(UNetDecoder(), maps)
    image = decoder(maps)
    assert image.shape == x.shape
    (image * torch.randn_like(image)).sum().backward()
    assert all(m.grad is not None and m.grad.any() for m in maps)


def test_images_lie_between_minus_one_and_one() -> None:
    """However large the features, a decoder's image stays in [-1, 1]."""
    code = torch.randn(2, 8, 4, 4) * 1e3
    for network in (CasiaDecoder(width=0.1), UpsampleDecoder(width=0.1), DCGANDecoder(width=0.05)):
        assert build(network, code)(code).abs().max() <= 1


def test_linear_fc_is_a_linear_layer_on_averages() -> None:
    """The logits equal weight times the average over positions plus bias, computed apart."""
    features = torch.randn(3, 5, 2, 4)
    head = build(LinearFC(outputs=ClassCount(7)), features)
    weight, bias = head.parameters()
    torch.testing.assert_close(head(features), features.flatten(2).mean(2) @ weight.T + bias)


def test_projection_head_is_equation_3() -> None:
    """The logit is psi . phi + b + V[y] . phi, with phi the features summed over positions."""
    features, y = torch.randn(3, 5, 2, 4), labels(1, 0, 1)
    head = build(ProjectionHead(ClassCount(2)), features, y)
    phi = features.flatten(2).sum(2)
    weights = head.state_dict()
    expected = [
        weights["linear.weight"][0] @ phi[i] + weights["linear.bias"][0] + weights["embedding.weight"][y[i]] @ phi[i]
        for i in range(3)
    ]
    torch.testing.assert_close(head(features, y), torch.stack(expected)[:, None])


def test_channels_split_and_join_to_the_whole() -> None:
    """The notebook's two slices, side by side, are the code."""
    code = torch.randn(2, 320, 6, 6)
    parts = [build(Channels(*span), code)(code) for span in ((0, 240), (240, None))]
    assert [part.shape[1] for part in parts] == [240, 80]
    assert torch.equal(torch.cat(parts, dim=1), code)


def test_one_hot_equals_torchs() -> None:
    """One-hot vectors are torch's own, as float32."""
    y = torch.arange(20).flip(0)
    assert torch.equal(build(OneHot(ClassCount(20)), y)(y), nn.functional.one_hot(y, 20).float())


def test_norm_on_the_only_logit_hides_the_offset() -> None:
    """With the notebook's defect two batches that a plain logit separates get the same average logit; without, not."""
    low, high = torch.randn(64, 3, 2, 2) - 5, torch.randn(64, 3, 2, 2) + 5
    for defect in (True, False):
        head = build(BigKernelConv(norm_on_logit=defect), low)
        gap = (head(low).mean() - head(high).mean()).abs().item()
        assert (gap < 0.1) == defect


def test_pooling_forgets_where_and_a_map_keeps_it() -> None:
    """A pooled decoder gives one image for a code and for its mirror image; one that keeps the map tells them apart."""
    code, noise = torch.randn(2, 4, 2, 2), torch.randn(2, 3)
    for pool in (True, False):
        module = build(CasiaDecoder(width=0.1, pool=pool), code, noise).eval()
        assert torch.allclose(module(code, noise), module(code.flip(3), noise), atol=1e-6) == pool


def test_signal_survives_ten_layers_without_norm() -> None:
    """Without normalisation the first weights neither drown nor blow up the code: its spread stays near the image's."""
    x = torch.randn(8, 3, 64, 64)
    for network in (CasiaEncoder(norm="none"), CasiaEncoder(norm="none", activation="leaky_relu")):
        spread = build(network, x)(x).std().item()
        assert 0.2 < spread < 5


# -------------------------------------------------------------------------------------------------------------- timm


def test_timm_normalises_to_the_backbones_scale() -> None:
    """Mid grey and white arrive where timm's own mean and deviation put 0.5 and 1."""
    import timm

    x = torch.stack([torch.zeros(3, 32, 32), torch.ones(3, 32, 32)])
    encoder = build(TimmEncoder("test_resnet", pooled=True), x).eval()
    backbone: Any = timm.create_model("test_resnet", num_classes=0).eval()
    backbone.load_state_dict(encoder.get_submodule("backbone").state_dict())
    config = backbone.default_cfg
    mean, deviation = (torch.tensor(config[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    torch.testing.assert_close(encoder(x), backbone(((x + 1) / 2 - mean) / deviation), rtol=1e-4, atol=1e-5)


def test_frozen_backbone_ignores_the_players() -> None:
    """Neither train() nor requires_grad_() moves a frozen backbone's weights or statistics; its input has gradients."""
    x = images(32).requires_grad_()
    encoder = build(TimmEncoder("test_resnet", frozen=True, pooled=True), x)
    before = {key: value.clone() for key, value in encoder.state_dict().items()}
    encoder.train().requires_grad_(True)
    encoder(x).sum().backward()
    assert x.grad is not None and x.grad.any()
    assert list(encoder.parameters()) == []
    assert all(torch.equal(before[key], value) for key, value in encoder.state_dict().items())


def test_timm_levels_come_as_a_tuple_finest_first() -> None:
    """Several levels are a tuple of maps, finest first, however they are ordered; a ViT takes the size it gets."""
    x = images(64)
    for levels in ((1, -1), (-1, 1)):
        maps = build(TimmEncoder("test_resnet", levels=levels), x)(x)
        assert isinstance(maps, tuple) and [m.shape[2] for m in maps] == [16, 2]
    assert build(TimmEncoder("test_vit"), x)(x).shape[2:] == (4, 4)


def test_timm_maps_have_channels_second() -> None:
    """Backbones that keep channels last inside still give (B, C, h, w)."""
    x = images(64)
    assert build(TimmEncoder("swin_tiny_patch4_window7_224", levels=(0,)), x)(x).shape == (2, 96, 16, 16)


def test_timm_names_the_nearest() -> None:
    """A misspelt backbone is refused with the name it was near to."""
    with pytest.raises(ValueError, match=r"'resnet81'.*'resnet18'"):
        TimmEncoder("resnet81").build(images(32))


def test_timm_refuses_levels_and_sizes_it_lacks() -> None:
    """A level that the backbone lacks, and a size that its patches do not divide, are refused with the numbers."""
    with pytest.raises(ValueError, match=r"levels \[9\]"):
        TimmEncoder("test_resnet", levels=(9,)).build(images(32))
    with pytest.raises(ValueError, match="36x36"):
        TimmEncoder("test_vit").build(images(36))
    with pytest.raises(ValueError, match="no_such_tag"):
        TimmEncoder("resnet10t.no_such_tag").build(images(32))


def test_timm_says_that_weights_cannot_be_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a network, pretrained weights fail with a sentence that tells the cure."""
    import timm

    def offline(*_: object, **__: object) -> None:
        raise FileNotFoundError("not in the local cache")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ValueError, match=r"'resnet10t' could not be fetched.*pretrained = false"):
        TimmEncoder("resnet10t", pretrained=True).build(images(32))


@pytest.fixture
def silent_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A hub that takes calls and never answers, and an empty cache of it."""
    from huggingface_hub import constants

    from gan_recipe_plugins import _timm_encoder

    monkeypatch.setattr(_timm_encoder, "_PATIENCE", 0.3)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        yield tmp_path


def test_a_hub_that_does_not_answer_is_not_waited_for(silent_hub: Path) -> None:
    """Its client would try for most of a minute; a few seconds are enough, and the sentence says where they went."""
    from huggingface_hub import constants

    began = time.monotonic()
    with pytest.raises(ValueError, match=r"http://127\.0\.0\.1:\d+ does not answer\), and are not in its cache"):
        TimmEncoder("test_resnet", pretrained=True).build(images(32))
    assert time.monotonic() - began < 10 and constants.HF_HUB_OFFLINE is False


def test_cached_weights_need_no_answer(silent_hub: Path) -> None:
    """The cache is asked although the hub is silent."""
    import timm
    from safetensors.torch import save_file

    network = timm.create_model("test_resnet")
    hub = f"models--{network.pretrained_cfg['hf_hub_id'].replace('/', '--')}"
    snapshot = silent_hub / hub / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (silent_hub / hub / "refs").mkdir()
    (silent_hub / hub / "refs" / "main").write_text("0" * 40)
    save_file(network.state_dict(), snapshot / "model.safetensors")
    built = TimmEncoder("test_resnet", pretrained=True).build(images(32))
    weights = {name.removeprefix("backbone."): value for name, value in built.state_dict().items()}
    same = [name for name, value in network.state_dict().items() if torch.equal(value, weights.get(name, value + 1))]
    assert "conv1.0.weight" in same or len(same) > 20


# ---------------------------------------------------------------------------------------------------------- refusals

MAP, VECTOR = torch.randn(2, 5, 2, 2), torch.randn(2, 5)

REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: CasiaEncoder(width=0), "width is 0"),
    (lambda: CasiaEncoder(width=float("nan")), "width is nan"),
    (lambda: CasiaEncoder().build(images(100, 96)), r"100x96 px.* multiples of 16"),
    (lambda: CasiaEncoder(stem=2).build(images(24)), r"24x24 px.* multiples of 16"),
    (lambda: CasiaEncoder().build(VECTOR), r"\(2, 5\)"),
    (lambda: CasiaEncoder().build(images(32), images(16)), "32x32 px and 16x16 px"),
    (lambda: CasiaDecoder(size=40), "40 px.* multiple of 16"),
    (lambda: CasiaDecoder().build(VECTOR), "set size"),
    (lambda: CasiaDecoder().build(), "no input"),
    (lambda: CasiaDecoder(size=64).build(MAP), "map is 2x2.*4x4"),
    (lambda: CasiaDecoder().build(MAP, torch.randn(2, 5, 3, 2)), "2x2 and 3x2"),
    (lambda: CasiaDecoder(size=32).build(labels(1, 2)), r"torch.int64 of shape \(2,\)"),
    (lambda: CasiaDecoder(image_channels=0), "image_channels is 0"),
    (lambda: SRGANTrunk().build(images(40)), r"40x40 px.* multiples of 16"),
    (lambda: SRGANHead().build(VECTOR), r"\(2, 5\)"),
    (lambda: DCGANEncoder().build(images(4)), "4x4 px.*at least 8"),
    (lambda: DCGANEncoder().build(images(36)), r"36x36 px.* multiples of 8"),
    (lambda: DCGANDecoder(size=36), "size is 36"),
    (lambda: DCGANDecoder(size=4), "size is 4"),
    (lambda: PatchEncoder(strides=0), "strides is 0"),
    (lambda: PatchEncoder().build(images(20)), r"20x20 px.* multiples of 8"),
    (lambda: PatchEncoder().build(images(8)), "8x8 px.*at least 16"),
    (lambda: PatchHead().build(torch.randn(2, 5, 1, 4)), "1x4.*2x2"),
    (lambda: UNetEncoder(levels=9), "levels is 9"),
    (lambda: UNetEncoder(levels=4).build(images(40)), r"40x40 px.* multiples of 16"),
    (lambda: UNetEncoder().build(images(33)), r"33x33 px.* multiples of 2"),
    (lambda: UNetDecoder(dropout=1), "dropout is 1"),
    (lambda: UNetDecoder().build(MAP), r"\(2, 5, 2, 2\).*tuple"),
    (lambda: build(UNetDecoder(), (MAP, MAP)), "2x2 and 2x2"),
    (lambda: UpsampleDecoder(size=40).build(torch.randn(2, 5, 4, 4)), "4x4.*40x40"),
    (lambda: UpsampleDecoder(size=50), "size is 50"),
    (lambda: LinearFC(outputs=ClassCount(0)), "outputs is 0"),
    (lambda: LinearFC().build(torch.randn(2, 5, 4)), r"\(2, 5, 4\)"),
    (lambda: BigKernelConv().build(VECTOR), r"\(2, 5\)"),
    (lambda: ProjectionHead(ClassCount(3)).build(MAP), "1 inputs"),
    (lambda: ProjectionHead(ClassCount(3)).build(MAP, VECTOR), r"\(2, 5\).*torch.int64"),
    (lambda: Channels(first=3, stop=3), "3 to 3"),
    (lambda: Channels(first=3, stop=6).build(MAP), "3 to 6.* 5"),
    (lambda: OneHot(ClassCount(3)).build(VECTOR), r"\(2, 5\)"),
    (lambda: TimmEncoder("resnet10t", levels=()), "levels is empty"),
    (lambda: TimmEncoder("resnet10t", levels=(0, 1), pooled=True), "leave one out"),
]


@pytest.mark.parametrize(("attempt", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_what_cannot_fit_is_refused_with_the_numbers(attempt: Callable[[], object], message: str) -> None:
    """What cannot work raises ValueError with the offending value and what was expected."""
    with pytest.raises(ValueError, match=message):
        attempt()


def test_widths_are_multiples_of_eight() -> None:
    """Whatever the width, channels are multiples of 8, at least 8, and rise with it."""
    from gan_recipe_plugins._width import scaled

    counts = [scaled(96, width / 100) for width in range(1, 300)]
    assert all(c % 8 == 0 and c >= 8 for c in counts)
    assert counts == sorted(counts)
    assert scaled(320, 1.0) == 320


def test_fast_elu_is_torchs() -> None:
    """The networks' own ELU equals torch's in value, first and second derivative, also far from and at zero."""
    from gan_recipe_plugins._elu import ELU

    x = torch.tensor([-200.0, -20.0, -1.0, -1e-3, -1e-7, -0.0, 0.0, 1e-7, 1e-3, 1.0, 20.0, 200.0]).requires_grad_()

    def derivatives(module: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        y: Tensor = module(x)
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        return y, first, second

    for mine, torchs in zip(derivatives(ELU()), derivatives(nn.ELU()), strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-6, atol=2e-7)


def test_fast_elu_in_bf16_is_the_true_one_rounded() -> None:
    """In bfloat16 the ELU of every number is the one of float64 but for the last digit, and close to zero as well."""
    from gan_recipe_plugins._elu import ELU

    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    x = every[every.isfinite()].requires_grad_()
    y = ELU()(x)
    true = nn.functional.elu(x.detach().double())
    torch.testing.assert_close(y.detach().double(), true, rtol=2**-8, atol=1e-7)
    (slope,) = torch.autograd.grad(y.sum(), x)
    true_slope = torch.where(x.detach() > 0, 1.0, x.detach().double().exp())
    torch.testing.assert_close(slope.double(), true_slope, rtol=2**-7, atol=2**-8)
