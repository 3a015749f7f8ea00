"""Labels as vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import ClassCount, Encoder, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class OneHot(Encoder):
    """Labels, int64 (B,) from 0 to classes - 1, to one-hot float32 vectors (B, classes); it has no parameters.

    What a decoder takes as a condition: ``decoder(encoder(image), noise, pose_code(target_pose))``. A label out of
    range becomes a vector of zeros: looking would stall a GPU.

    Raises ValueError for inputs that are no labels.
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

        from gan_recipe_plugins import _one_hot

        (labels,) = inputs
        if labels.dim() != 1 or labels.dtype != torch.int64:
            raise ValueError(
                f"the input is {labels.dtype} of shape {tuple(labels.shape)}; expected labels: torch.int64 of shape "
                "(batch,)"
            )
        return _one_hot.OneHot(self.classes)
