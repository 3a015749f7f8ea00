"""One convolution as large as the map: the notebook's second head."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import ClassCount, Head, Traits
from gan_recipe_plugins._traits import traits

if TYPE_CHECKING:
    from torch import Tensor, nn

VERDICT = ClassCount(1)


@frozen
class BigKernelConv(Head):
    """Maps to logits by a kernel that covers the whole map: (B, C, h, w) to (B, outputs).

    Unlike an average over positions it tells where a feature lies. The map must keep the size it was built for.

    Raises ValueError for inputs that are no maps.

    Source: the notebook's entry N08; as the split of identity code and pose and light logits, its encoder.
    """

    #: Numbers per sample: 1 for a verdict of real or fake, or a label field, for one logit for each of its classes.
    outputs: ClassCount = VERDICT
    #: A defect kept for study: batch norm and ELU on the logits, as in entry N08. Normalising the only logit over a
    #: batch that is all real or all fake takes away the very offset that tells them apart, so that the critic's loss
    #: stays near 2 ln 2 on batches that a plain logit separates at once.
    norm_on_logit: bool = False

    def __attrs_post_init__(self) -> None:
        if self.outputs < 1:
            raise ValueError(f"outputs is {self.outputs}; expected at least 1")

    def traits(self) -> Traits:
        return traits("batch" if self.norm_on_logit else "none", "norm")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _big_kernel_conv
        from gan_recipe_plugins._example import map_shape

        (features,) = inputs
        return _big_kernel_conv.BigKernelConv(*map_shape(features), self.outputs, norm_on_logit=self.norm_on_logit)
