"""A linear layer on pooled features: the notebook's plain head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import ClassCount, Head, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn

VERDICT = ClassCount(1)


@frozen
class LinearFC(Head):
    """Features to logits: maps (B, C, h, w) are averaged over positions, then one linear layer.

    The result is always (B, outputs), also for one output: a verdict of shape (B,) beside one of (B, 1) would broadcast
    to B x B without a word. No sigmoid: the losses take logits.

    Raises ValueError for inputs that are neither maps nor vectors (B, C).

    Source: DR-GAN (Tran et al. 2017, section 3); the average pool is CASIA-Net's.
    """

    #: Numbers per sample: 1 for a verdict of real or fake, or a label field, for one logit for each of its classes.
    outputs: ClassCount = VERDICT
    #: Whether a learnt offset is added. Without one, a vector of length 1 is turned into its product with one number.
    bias: bool = True

    def __attrs_post_init__(self) -> None:
        if self.outputs < 1:
            raise ValueError(f"outputs is {self.outputs}; expected at least 1")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _linear_fc
        from gan_recipe_plugins._example import feature_count

        (features,) = inputs
        return _linear_fc.LinearFC(feature_count(features), self.outputs, bias=self.bias)
