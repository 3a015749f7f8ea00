"""How different the samples of a batch are, as one more feature of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Encoder, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class MinibatchStd(Encoder):
    """Adds one channel that tells how much the features vary from sample to sample: (B, C, ...) to (B, C + 1, ...).

    The batch is taken in groups of ``group``; the standard deviation of every feature over its group, averaged over all
    features, is the same number for each sample of the group. A critic told of it notices when a generator makes one
    picture only. Put it before the last layers: ``verdict(spread(trunk(image)))``. It has no parameters.

    Samples of a group are then no longer judged apart, which penalties on the slope assume; StyleGAN uses both.

    Raises ValueError for inputs without channels and when the batch is no multiple of ``group`` (a smaller batch is one
    group).

    Source: Karras et al. 2018, "Progressive Growing of GANs", section 3.
    """

    #: How many samples are compared; at least 2.
    group: int = 4

    def __attrs_post_init__(self) -> None:
        if self.group < 2:
            raise ValueError(f"group is {self.group}; there is nothing to compare below 2")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _minibatch_std

        (features,) = inputs
        if features.dim() < 2 or not features.is_floating_point():
            raise ValueError(f"the input has the shape {tuple(features.shape)}; expected features (B, C, ...)")
        return _minibatch_std.MinibatchStd(self.group)
