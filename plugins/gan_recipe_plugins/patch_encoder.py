"""pix2pix's critic without its last layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Encoder, Traits
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class PatchEncoder(Encoder):
    """An image, or several stacked on their channels, to a map that judges patches: C64-C128-C256-C512.

    Ck is a 4x4 convolution to k channels, batch norm (not on the first) and LeakyReLU 0.2; all but the last have stride
    2. Images (B, C, H, W) become (B, 512 * width, H/8 - 1, W/8 - 1), and with ``patch_head`` each logit sees 70x70 px.
    A critic of pairs is given both: ``patches(condition, image)``.

    Raises ValueError when the images' sizes differ, are no multiple of 2**strides, or leave no map.

    Source: pix2pix (Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks", section
    6.1.2).
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Convolutions of stride 2, at least 1. 3 sees 70x70 px with ``patch_head``, 2 sees 34x34, 1 sees 16x16.
    strides: int = 3
    #: Normalisation on all convolutions but the first. Gradient penalties want one that does not mix samples.
    norm: Literal["batch", "group", "instance", "none"] = "batch"

    def __attrs_post_init__(self) -> None:
        check_width(self.width)
        if self.strides < 1:
            raise ValueError(f"strides is {self.strides}; expected at least 1 convolution of stride 2")

    def traits(self) -> Traits:
        return traits(self.norm, "norm")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _patch_encoder
        from gan_recipe_plugins._example import check_divisible, stacked_channels

        channels = stacked_channels(inputs)
        check_divisible(inputs[0], 2**self.strides)
        height, width = inputs[0].shape[2:]
        if min(height, width) < 2 * 2**self.strides:
            raise ValueError(
                f"the image is {height}x{width} px; {self.strides} strides and a 4x4 convolution need at least "
                f"{2 * 2**self.strides} px a side"
            )
        return _patch_encoder.PatchEncoder(channels, width=self.width, strides=self.strides, norm=self.norm)
