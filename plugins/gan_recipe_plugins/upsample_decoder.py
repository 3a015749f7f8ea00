"""A decoder that resizes and then convolves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Decoder, Traits
from gan_recipe_plugins._pyramid import check_pyramid
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class UpsampleDecoder(Decoder):
    """Maps, features, noise and one-hot conditions, in any number and order, to a square image in [-1, 1].

    Each stage doubles the map by repeating its positions and then convolves it with 3x3 kernels, so that no position is
    written more often than its neighbour: no checkerboards. Channels fall to 64 at the last stage from twice as many at
    each stage before it, at most 512; normalisation and LeakyReLU 0.2, a last 3x3 convolution, tanh at the end.

    Maps start the stages themselves; vectors beside them are repeated over their positions. Vectors alone, or
    ``pool = true``, are laid end to end and projected to a small map of 4 to 7 positions a side.

    Raises ValueError when the size is not the map, doubled; when the maps' sizes differ; for labels that are not
    one-hot.

    Source: Odena et al. 2016, "Deconvolution and Checkerboard Artifacts".
    """

    #: Height and width of the image in pixels: 4, 5, 6 or 7 times a power of two, at least 8.
    size: int = 64
    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Averages maps over their positions first, and projects.
    pool: bool = False
    #: Normalisation behind each convolution but the last.
    norm: Literal["batch", "group", "none"] = "batch"
    #: How the map is enlarged: each position repeated, or interpolated between its neighbours.
    resize: Literal["nearest", "bilinear"] = "nearest"
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
        from gan_recipe_plugins import _upsample_decoder

        return _upsample_decoder.UpsampleDecoder(
            inputs,
            size=self.size,
            width=self.width,
            pool=self.pool,
            norm=self.norm,
            resize=self.resize,
            image_channels=self.image_channels,
        )
