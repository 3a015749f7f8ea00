"""The torch side of ``unet.py``."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_recipe_plugins._example import map_shape
from gan_recipe_plugins._join import stacked
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._width import scaled


class UNetEncoder(nn.Module):
    def __init__(self, channels: int, levels: int, *, width: float, norm: str) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for level in range(levels):
            outer = scaled(64 * min(8, 2**level), width)
            # The last map may be a single position, which a norm over positions would erase.
            level_norm = "none" if level in (0, levels - 1) else norm
            stages.append(
                nn.Sequential(
                    nn.Conv2d(channels, outer, 4, 2, padding=1, bias=level_norm == "none"),
                    norm_layer(level_norm, outer),
                    nn.LeakyReLU(0.2),
                )
            )
            channels = outer
        self.stages = nn.ModuleList(stages)

    def forward(self, *images: Tensor) -> tuple[Tensor, ...]:
        maps = [stacked(images)]
        for stage in self.stages:
            maps.append(stage(maps[-1]))
        return tuple(maps[1:])


class UNetDecoder(nn.Module):
    def __init__(self, maps: Tensor | tuple[Tensor, ...], *, norm: str, dropout: float, image_channels: int) -> None:
        super().__init__()
        if isinstance(maps, Tensor) or not maps:
            what = f"a tensor of shape {tuple(maps.shape)}" if isinstance(maps, Tensor) else "empty"
            raise ValueError(f"the input is {what}; expected the tuple of maps that unet_encoder returns")
        shapes = [map_shape(map) for map in maps]
        for fine, coarse in pairwise(shapes):
            if fine[1:] != (2 * coarse[1], 2 * coarse[2]):
                raise ValueError(
                    f"the maps are {fine[1]}x{fine[2]} and {coarse[1]}x{coarse[2]}; each must be half the one before"
                )
        counts = [shape[0] for shape in shapes]
        stages: list[nn.Module] = []
        for index, level in enumerate(reversed(range(len(counts)))):
            channels = counts[level] * (1 if index == 0 else 2)
            if level == 0:
                stages.append(nn.Sequential(nn.ConvTranspose2d(channels, image_channels, 4, 2, padding=1), nn.Tanh()))
                break
            stages.append(
                nn.Sequential(
                    nn.ConvTranspose2d(channels, counts[level - 1], 4, 2, padding=1, bias=norm == "none"),
                    norm_layer(norm, counts[level - 1]),
                    nn.Dropout(dropout) if dropout and index < min(3, len(counts) - 5) else nn.Identity(),
                    nn.ReLU(),
                )
            )
        self.stages = nn.ModuleList(stages)

    def forward(self, maps: tuple[Tensor, ...]) -> Tensor:
        x: Tensor = self.stages[0](maps[-1])
        for stage, skip in zip(self.stages[1:], reversed(maps[:-1]), strict=True):
            x = stage(torch.cat([x, skip], dim=1))
        return x


def possible_levels(height: int, width: int) -> int:
    """How often both sides can be halved exactly, at most 8 times."""
    levels = 0
    while levels < 8 and not (height % 2 or width % 2):
        height, width, levels = height // 2, width // 2, levels + 1
    return levels
