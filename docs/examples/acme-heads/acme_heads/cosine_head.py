"""A verdict by direction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Head

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class CosineHead(Head):
    """Features to one logit a sample: the cosine between the pooled features and one learnt direction, times a scale.

    Maps (B, C, h, w) are averaged over positions; vectors (B, C) are taken as they are. The result is (B, 1).

    Raises ValueError for inputs of other shapes.

    Source: the normalised classifier of Wang et al. 2017, "NormFace", with one class.
    """

    #: What the cosine is multiplied by before training, above 0; it is learnt from there on.
    scale: float = 8.0

    def __attrs_post_init__(self) -> None:
        if not self.scale > 0:
            raise ValueError(f"scale is {self.scale}; give a number above 0, such as 8")

    def build(self, *inputs: Tensor) -> nn.Module:
        from acme_heads._cosine_head import CosineHead

        (features,) = inputs
        if features.dim() not in (2, 4):
            raise ValueError(f"the features have the shape {tuple(features.shape)}; expected (B, C) or (B, C, h, w)")
        return CosineHead(features.shape[1], self.scale)
