"""What single networks compute, by hand."""

from __future__ import annotations

import torch
from built import build, images, labels
from torch import nn

from gan_recipe import ClassCount
from gan_recipe_plugins.big_kernel_conv import BigKernelConv
from gan_recipe_plugins.casia import CasiaDecoder, CasiaEncoder
from gan_recipe_plugins.channels import Channels
from gan_recipe_plugins.dcgan import DCGANDecoder
from gan_recipe_plugins.linear_fc import LinearFC
from gan_recipe_plugins.one_hot import OneHot
from gan_recipe_plugins.projection_head import ProjectionHead
from gan_recipe_plugins.unet import UNetDecoder, UNetEncoder
from gan_recipe_plugins.upsample_decoder import UpsampleDecoder


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
