"""Weights are as many as the published networks have."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from built import images
from torch import nn

from gan_recipe_plugins.casia import CasiaDecoder, CasiaEncoder
from gan_recipe_plugins.dcgan import DCGANDecoder, DCGANEncoder
from gan_recipe_plugins.patch_encoder import PatchEncoder
from gan_recipe_plugins.patch_head import PatchHead
from gan_recipe_plugins.srgan import SRGANHead, SRGANTrunk
from gan_recipe_plugins.unet import UNetDecoder, UNetEncoder


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
