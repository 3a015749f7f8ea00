"""DCGAN's two networks, for any image size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Decoder, Encoder, Traits
from gan_recipe_plugins._pyramid import check_pyramid, halvings
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class DCGANEncoder(Encoder):
    """An image to a map of 4 to 7 positions on its shorter side, by convolutions of stride 2.

    Channels 128, 256, 512, 1024, ... times ``width`` (never more than 1024 times it), LeakyReLU 0.2, normalisation on
    all but the first: the mirror of ``dcgan_decoder``. A 64x64 image becomes (B, 1024 * width, 4, 4).

    Raises ValueError when the image cannot be halved down to that, with its size and the multiple it would need.

    Source: DCGAN (Radford et al. 2016, "Unsupervised Representation Learning with Deep Convolutional GANs", section 3).
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8. 0.5 gives the
    #: 64-128-256-512 that most implementations use.
    width: float = 1.0
    #: Side of the kernels. 5 is the paper's; 4, which the stride divides, spares checkerboards.
    kernel: Literal[4, 5] = 4
    #: Normalisation on all convolutions but the first. Gradient penalties want one that does not mix samples.
    norm: Literal["batch", "group", "none"] = "batch"

    def __attrs_post_init__(self) -> None:
        check_width(self.width)

    def traits(self) -> Traits:
        return traits(self.norm, "norm")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _dcgan
        from gan_recipe_plugins._example import check_divisible, stacked_channels

        channels = stacked_channels(inputs)
        height, width = inputs[0].shape[2:]
        strides = halvings(min(height, width))
        if strides < 1:
            raise ValueError(f"the image is {height}x{width} px; the strides need at least 8 px a side")
        check_divisible(inputs[0], 2**strides)
        return _dcgan.DCGANEncoder(channels, strides, width=self.width, kernel=self.kernel, norm=self.norm)


@frozen
class DCGANDecoder(Decoder):
    """Noise, features and one-hot conditions, in any number and order, to a square image in [-1, 1].

    All inputs are laid end to end (maps are averaged over positions first) and projected to a small map of 4 to 7
    positions a side, then transposed convolutions of stride 2 double it: 1024-512-256-128-3 at 64 px, normalisation and
    ReLU on all but the last, tanh at the end.

    Raises ValueError when the size is not such a map doubled, and for labels that are not one-hot.

    Source: DCGAN (Radford et al. 2016, figure 1).
    """

    #: Height and width of the image in pixels: 4, 5, 6 or 7 times a power of two, at least 8.
    size: int = 64
    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Side of the kernels. 5 is the paper's; 4, which the stride divides, spares checkerboards.
    kernel: Literal[4, 5] = 4
    #: Normalisation on all layers but the last.
    norm: Literal["batch", "group", "none"] = "batch"
    #: Channels of the image.
    image_channels: int = 3

    def __attrs_post_init__(self) -> None:
        check_width(self.width)
        check_pyramid(self.size)
        if self.image_channels < 1:
            raise ValueError(f"image_channels is {self.image_channels}; an image has at least 1")

    def traits(self) -> Traits:
        return traits(self.norm, "tanh")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _dcgan

        return _dcgan.DCGANDecoder(
            inputs,
            size=self.size,
            width=self.width,
            kernel=self.kernel,
            norm=self.norm,
            image_channels=self.image_channels,
        )
