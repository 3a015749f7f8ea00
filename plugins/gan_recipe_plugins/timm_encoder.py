"""Any backbone that timm knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Encoder

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class TimmEncoder(Encoder):
    """An image in [-1, 1] to the features of a timm backbone, normalised the way its weights were trained.

    One level gives maps (B, C, h, w); several give a tuple of maps, finest first; ``pooled`` gives the backbone's own
    pooled features (B, F). Images (B, C, H, W) may have any C: timm sums or repeats the first layer's weights.

    Raises ValueError for a name that timm does not know, for a level that the backbone lacks, for an image size that it
    does not take, and when pretrained weights cannot be fetched.

    Source: Wightman 2019, PyTorch Image Models (timm), where each backbone names its paper.
    """

    #: timm's name of the backbone, such as ``resnet18`` or, with the weights' tag, ``resnet18.a1_in1k``.
    name: str
    #: Starts from published weights, which are fetched once and cached. Otherwise from chance.
    pretrained: bool = False
    #: Fixes the weights and the running statistics, whatever the players do: they become buffers, and the backbone
    #: always runs in eval mode. Gradients still pass through it to its input.
    frozen: bool = False
    #: Which feature levels, counted from the finest (0) or backwards from the coarsest (-1). Each at most once.
    levels: tuple[int, ...] = (-1,)
    #: Gives the backbone's pooled features in place of maps.
    pooled: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.levels:
            raise ValueError("levels is empty; expected at least one, such as -1 for the coarsest")
        if self.pooled and self.levels != (-1,):
            raise ValueError(f"levels is {list(self.levels)}, and pooled features come after the last: leave one out")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _timm_encoder
        from gan_recipe_plugins._example import stacked_channels

        channels = stacked_channels(inputs)
        height, width = inputs[0].shape[2:]
        return _timm_encoder.TimmEncoder(
            self.name,
            channels,
            (height, width),
            pretrained=self.pretrained,
            frozen=self.frozen,
            levels=None if self.pooled else self.levels,
        )
