"""What a network cannot fit is refused with the numbers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from built import build, images, labels

from gan_recipe import ClassCount
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
