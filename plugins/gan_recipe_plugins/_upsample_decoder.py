"""The torch side of ``upsample_decoder.py``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from gan_recipe_plugins._join import Join
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._pyramid import halvings
from gan_recipe_plugins._width import scaled


class UpsampleDecoder(nn.Module):
    def __init__(
        self,
        examples: Sequence[Tensor],
        *,
        size: int,
        width: float,
        pool: bool,
        norm: str,
        resize: Literal["nearest", "bilinear"],
        image_channels: int,
    ) -> None:
        super().__init__()
        has_map = not pool and any(example.dim() == 4 for example in examples)
        side = None if has_map else (size // 2 ** halvings(size),) * 2
        self.join = Join(examples, pool=pool, channels=_channels(halvings(size) - 1, width), side=side)
        doublings = _doublings(self.join.side, size)
        channels = self.join.channels
        layers: list[nn.Module] = []
        for level in reversed(range(doublings)):
            outer = _channels(level, width)
            layers += [
                nn.Upsample(scale_factor=2, mode=resize),
                nn.Conv2d(channels, outer, 3, padding=1, bias=norm == "none"),
                norm_layer(norm, outer),
                nn.LeakyReLU(0.2),
            ]
            channels = outer
        self.layers = nn.Sequential(*layers, nn.Conv2d(channels, image_channels, 3, padding=1), nn.Tanh())

    def forward(self, *inputs: Tensor) -> Tensor:
        image: Tensor = self.layers(self.join(*inputs))
        return image


def _doublings(side: tuple[int, int], size: int) -> int:
    height, width = side
    doublings = max(0, (size // height).bit_length() - 1)
    if doublings < 1 or (height << doublings, width << doublings) != (size, size):
        raise ValueError(
            f"the map is {height}x{width}, and no doubling takes it to {size}x{size} px: set size to a power of two "
            "times the map, or pool = true"
        )
    return doublings


def _channels(level: int, width: float) -> int:
    return scaled(min(512, 64 * 2**level), width)
