"""A U-Net in two halves that hand each other a tuple of feature maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Decoder, Encoder, Traits
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class UNetEncoder(Encoder):
    """An image, or several stacked on their channels, to a tuple of maps, finest first, each half the one before.

    4x4 convolutions of stride 2 to 64, 128, 256, 512, 512, ... channels with LeakyReLU 0.2; normalisation on all but
    the first and the last. The value is a tuple: ``unet_decoder`` takes it whole, other networks take tensors.

    Raises ValueError when the images' sizes differ, or cannot be halved as often as there are levels.

    Source: pix2pix (Isola et al. 2017, section 6.1.1); U-Net (Ronneberger et al. 2015).
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: How often the image is halved, 1 to 8. None: as often as both sides allow, at most 8 times.
    levels: int | None = None
    #: Normalisation on all convolutions but the first and the last.
    norm: Literal["batch", "group", "instance", "none"] = "batch"

    def __attrs_post_init__(self) -> None:
        check_width(self.width)
        if self.levels is not None and not 1 <= self.levels <= 8:
            raise ValueError(f"levels is {self.levels}; expected 1 to 8, or none to halve as often as the image allows")

    def traits(self) -> Traits:
        return traits(self.norm)

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _unet
        from gan_recipe_plugins._example import check_divisible, stacked_channels

        channels = stacked_channels(inputs)
        levels = self.levels or _unet.possible_levels(*inputs[0].shape[2:])
        check_divisible(inputs[0], 2 ** max(1, levels))
        return _unet.UNetEncoder(channels, levels, width=self.width, norm=self.norm)


@frozen
class UNetDecoder(Decoder):
    """The tuple of maps that ``unet_encoder`` returns, to an image in [-1, 1] of twice the first map's size.

    4x4 transposed convolutions of stride 2 with ReLU, each of which sees the last result beside the encoder's map of
    the same size; tanh at the end. Its channels are those of the maps it is given.

    Raises ValueError when the input is no tuple of maps that double from the last to the first.

    Source: pix2pix (Isola et al. 2017, section 6.1.1); U-Net (Ronneberger et al. 2015).
    """

    #: Normalisation on all layers but the last.
    norm: Literal["batch", "group", "instance", "none"] = "batch"
    #: Probability of dropping a feature, 0 to below 1, on the coarsest layers: three at eight levels, two at seven, one
    #: at six. pix2pix's only source of noise, kept when sampling there; here, as everywhere, off in eval mode.
    dropout: float = 0.5
    #: Channels of the image.
    image_channels: int = 3

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}; expected a probability from 0 to below 1")
        if self.image_channels < 1:
            raise ValueError(f"image_channels is {self.image_channels}; an image has at least 1")

    def traits(self) -> Traits:
        return traits(self.norm, "tanh")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _unet

        (maps,) = inputs
        return _unet.UNetDecoder(maps, norm=self.norm, dropout=self.dropout, image_channels=self.image_channels)
