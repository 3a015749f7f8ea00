"""A verdict that knows which class it should see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import ClassCount, Head, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class ProjectionHead(Head):
    """Features and labels to one logit: linear(f) + <embedding(label), f>, written ``verdict(trunk(image), label)``.

    Features are maps (B, C, h, w), summed over their positions as in the paper, or vectors (B, C); labels are int64
    (B,) from 0 to classes - 1. The result is (B, 1). No sigmoid: the losses take logits.

    Raises ValueError for inputs of other shapes.

    Source: Miyato & Koyama 2018, "cGANs with Projection Discriminator", equation 3.
    """

    #: How many classes there are: a number, or the label field whose classes count.
    classes: ClassCount

    def __attrs_post_init__(self) -> None:
        if self.classes < 1:
            raise ValueError(f"classes is {self.classes}; expected at least 1")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        import torch

        from gan_recipe_plugins import _projection_head
        from gan_recipe_plugins._example import feature_count

        if len(inputs) != 2:
            raise ValueError(f"there are {len(inputs)} inputs; expected two: features and labels")
        features, labels = inputs
        if labels.dim() != 1 or labels.dtype != torch.int64:
            raise ValueError(
                f"the labels are {labels.dtype} of shape {tuple(labels.shape)}; expected torch.int64 of shape (batch,)"
            )
        return _projection_head.ProjectionHead(feature_count(features), self.classes)
