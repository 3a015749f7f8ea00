"""A logit for every patch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Head, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class PatchHead(Head):
    """Maps to a map of logits, one for each patch: a 4x4 convolution, (B, C, h, w) to (B, 1, h - 1, w - 1).

    No sigmoid: the losses take logits and average over patches.

    Raises ValueError for inputs that are no maps, or have fewer than 2 positions a side.

    Source: pix2pix (Isola et al. 2017, section 6.1.2).
    """

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from torch import nn

        from gan_recipe_plugins._example import map_shape

        (features,) = inputs
        channels, height, width = map_shape(features)
        if min(height, width) < 2:
            raise ValueError(f"the map is {height}x{width}; a 4x4 convolution with a border of 1 needs at least 2x2")
        return nn.Conv2d(channels, 1, 4, padding=1)
