"""What an example tensor tells the network that is built for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def map_shape(example: Tensor) -> tuple[int, int, int]:
    """Channels, height and width of an image or a feature map; ``ValueError`` for anything else."""
    if example.dim() != 4:
        raise ValueError(
            f"the input has shape {tuple(example.shape)}; expected an image or a feature map (batch, channels, "
            "height, width)"
        )
    _, channels, height, width = example.shape
    return channels, height, width


def feature_count(example: Tensor) -> int:
    """Channels of a map (batch, channels, height, width) or length of vectors (batch, features)."""
    if example.dim() not in (2, 4) or not example.is_floating_point():
        raise ValueError(
            f"the input is {example.dtype} of shape {tuple(example.shape)}; expected floating-point features: maps "
            "(batch, channels, height, width) or vectors (batch, features)"
        )
    return example.shape[1]


def stacked_channels(examples: Sequence[Tensor]) -> int:
    """Channels of several images stacked on their channels; ``ValueError`` unless their sizes agree."""
    if not examples:
        raise ValueError("there is no input; expected one image or several of the same size")
    shapes = [map_shape(example) for example in examples]
    for shape in shapes[1:]:
        if shape[1:] != shapes[0][1:]:
            raise ValueError(
                f"the images are {_px(shapes[0])} and {_px(shape)}; images that are stacked need the same size"
            )
    return sum(channels for channels, _, _ in shapes)


def check_divisible(example: Tensor, by: int) -> None:
    """Raise ``ValueError``, with both numbers, unless the height and the width are multiples of ``by``."""
    shape = map_shape(example)
    if shape[1] % by or shape[2] % by:
        raise ValueError(
            f"the image is {_px(shape)} (height x width), and the strides need sides that are multiples of {by}: "
            "crop or resize it"
        )


def _px(shape: tuple[int, int, int]) -> str:
    return f"{shape[1]}x{shape[2]} px"
