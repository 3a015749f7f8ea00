"""The notebook's networks: a CASIA-Net encoder and the decoder that mirrors it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Decoder, Encoder, Traits
from gan_recipe_plugins._traits import traits
from gan_recipe_plugins._width import check_width

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class CasiaEncoder(Encoder):
    """An image to a code map with a sixteenth of its height and width: ten 3x3 convolutions in five stages.

    Channels 3-32-64, /2 64-64-128, /2 128-96-192, /2 192-128-256, /2 256-160-320, each convolution followed by
    normalisation and activation. Images (B, C, H, W) become (B, 320 * width, H/16, W/16). Convolutions start from
    He's normal distribution (fan in), which keeps the signal's size where ``norm`` is ``none``.

    In a critic, ``norm = "none"`` leaves each sample's verdict its own, which gradient penalties assume; ``batch``
    mixes the samples of a batch.

    Raises ValueError when a side of the image is no multiple of 16.

    Source: CASIA-Net (Yi et al. 2014, "Learning Face Representation from Scratch", table 1) in the form that DR-GAN
    gave it (Tran et al. 2017, table 1): strides in place of pooling, batch normalisation and ELU.
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Adds a shortcut around each stage, as the notebook's generator had until entry 7.15: a 1x1 convolution, behind a
    #: 2x2 average where the stage halves the map.
    residual: bool = False
    #: Normalisation behind each convolution: over the batch, over eight groups of one sample's channels, or none.
    norm: Literal["batch", "group", "none"] = "batch"
    #: Activation behind each convolution; leaky_relu has slope 0.2.
    activation: Literal["elu", "leaky_relu"] = "elu"
    #: Where the first convolution looks. 2 folds each 2x2 block of pixels into channels first, so that every stage runs
    #: at half its resolution, and drops the last stage's stride: the same code map for 0.29 of the multiplications.
    stem: Literal[1, 2] = 1

    def __attrs_post_init__(self) -> None:
        check_width(self.width)

    def traits(self) -> Traits:
        return traits(self.norm, None if self.residual else "norm")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _casia
        from gan_recipe_plugins._example import check_divisible, stacked_channels

        channels = stacked_channels(inputs)
        check_divisible(inputs[0], 16)
        return _casia.CasiaEncoder(
            channels,
            width=self.width,
            residual=self.residual,
            norm=self.norm,
            activation=self.activation,
            stem=self.stem,
        )


@frozen
class CasiaDecoder(Decoder):
    """Code maps, features, noise and one-hot conditions, in any number and order, to an image in [-1, 1].

    The encoder's mirror: 320-160-256, x2 256-128-192, x2 192-96-128, x2 128-64-64, x2 64-32-3, tanh at the end.

    Maps (B, C, h, w) give an image of 16h x 16w; vectors (B, F) that come with a map are repeated over its positions,
    which keeps the map's layout. Vectors alone, or ``pool = true``, take the notebook's last way: everything is
    averaged over positions, laid end to end, and a linear layer makes the 320 * width x size/16 x size/16 map.

    A transposed convolution that does not stride is an ordinary one with its kernel turned round, and is built as that.
    Those that stride have 4x4 kernels where the notebook has 3x3: a kernel that its stride divides leaves no
    checkerboard (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").

    Raises ValueError when the maps' sizes differ, when size and map disagree, when size is no multiple of 16, when
    there are only vectors and no size, and for labels that are not one-hot.

    Source: DR-GAN (Tran et al. 2017, table 1).
    """

    #: Multiplier of all channels, above 0. Channels are rounded to a multiple of 8 and are at least 8.
    width: float = 1.0
    #: Normalisation behind each convolution but the last: over the batch, over eight groups of channels, or none.
    norm: Literal["batch", "group", "none"] = "batch"
    #: Activation behind each convolution but the last; leaky_relu has slope 0.2.
    activation: Literal["elu", "leaky_relu"] = "elu"
    #: Averages maps over their positions first, as the notebook's last version does.
    pool: bool = False
    #: Height and width of the image in pixels, a multiple of 16. None: 16 times the map.
    size: int | None = None
    #: Where the last convolution writes. 2 runs every stage at half its resolution and unfolds channels into 2x2 blocks
    #: of pixels at the end.
    stem: Literal[1, 2] = 1
    #: Channels of the image.
    image_channels: int = 3

    def __attrs_post_init__(self) -> None:
        check_width(self.width)
        if self.size is not None and (self.size < 16 or self.size % 16):
            raise ValueError(f"the size is {self.size} px; the decoder's strides need a multiple of 16")
        if self.image_channels < 1:
            raise ValueError(f"image_channels is {self.image_channels}; an image has at least 1")

    def traits(self) -> Traits:
        return traits(self.norm, "tanh")

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _casia

        return _casia.CasiaDecoder(
            inputs,
            width=self.width,
            norm=self.norm,
            activation=self.activation,
            pool=self.pool,
            size=self.size,
            stem=self.stem,
            image_channels=self.image_channels,
        )
