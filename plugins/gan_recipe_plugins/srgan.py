"""SRGAN's discriminator, as a trunk and its head."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Encoder, Head, Traits
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class SRGANTrunk(Encoder):
    """An image to a map with a sixteenth of its height and width: eight 3x3 convolutions.

    Channels 64, 64/2, 128, 128/2, 256, 256/2, 512, 512/2 (/2: stride 2), LeakyReLU 0.2 behind each and normalisation on
    all but the first. Images (B, C, H, W) become (B, 512 * width, H/16, W/16).

    Raises ValueError when a side of the image is no multiple of 16.

    Source: SRGAN (Ledig et al. 2017, "Photo-Realistic Single Image Super-Resolution Using a GAN", figure 4).
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Normalisation on all convolutions but the first. Gradient penalties want one that does not mix samples.
    norm: Literal["batch", "group", "none"] = "batch"

    def __attrs_post_init__(self) -> None:
        check_width(self.width)

    def traits(self) -> Traits:
        return traits(self.norm, "norm")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _srgan
        from gan_recipe_plugins._example import check_divisible, stacked_channels

        channels = stacked_channels(inputs)
        check_divisible(inputs[0], 16)
        return _srgan.SRGANTrunk(channels, width=self.width, norm=self.norm)


@frozen
class SRGANHead(Head):
    """Maps to one logit: a convolution as large as the map to 512, a linear layer to 1024, LeakyReLU 0.2, one to 1.

    (B, C, h, w) becomes (B, 1). No sigmoid: the losses take logits. At 96x96 px the map, and so the kernel, is 6x6; the
    map must keep the size it was built for. The convolution has its own LeakyReLU, without which it and the linear
    layer would be one linear map.

    Raises ValueError for inputs that are no maps.

    Source: SRGAN (Ledig et al. 2017, figure 4), with the notebook's convolution (entry N09) in place of flattening.
    """

    #: Multiplier of the 512 and 1024 channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0

    def __attrs_post_init__(self) -> None:
        check_width(self.width)

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _srgan
        from gan_recipe_plugins._example import map_shape

        (features,) = inputs
        return _srgan.srgan_head(*map_shape(features), scale=self.width)
