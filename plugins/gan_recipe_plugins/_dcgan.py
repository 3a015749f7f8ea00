"""The torch side of ``dcgan.py``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from gan_recipe_plugins._join import Join, stacked
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._pyramid import halvings
from gan_recipe_plugins._width import scaled


class DCGANEncoder(nn.Module):
    def __init__(self, channels: int, strides: int, *, width: float, kernel: int, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level in range(strides):
            outer, level_norm = _channels(level, width), "none" if level == 0 else norm
            layers += [
                nn.Conv2d(channels, outer, kernel, 2, padding=(kernel - 1) // 2, bias=level_norm == "none"),
                norm_layer(level_norm, outer),
                nn.LeakyReLU(0.2),
            ]
            channels = outer
        self.layers = nn.Sequential(*layers)

    def forward(self, *images: Tensor) -> Tensor:
        features: Tensor = self.layers(stacked(images))
        return features


class DCGANDecoder(nn.Module):
    def __init__(
        self, examples: Sequence[Tensor], *, size: int, width: float, kernel: int, norm: str, image_channels: int
    ) -> None:
        super().__init__()
        doublings = halvings(size)
        channels = _channels(doublings - 1, width)
        side = size // 2**doublings
        self.join = Join(examples, pool=True, channels=channels, side=(side, side))
        layers: list[nn.Module] = [norm_layer(norm, channels), nn.ReLU()]
        for level in reversed(range(doublings)):
            last = level == 0
            outer, level_norm = (image_channels, "none") if last else (_channels(level - 1, width), norm)
            layers += [
                # A 5x5 kernel needs one more row and column to double the map exactly.
                nn.ConvTranspose2d(
                    channels,
                    outer,
                    kernel,
                    2,
                    padding=(kernel - 1) // 2,
                    output_padding=kernel % 2,
                    bias=level_norm == "none",
                ),
                norm_layer(level_norm, outer),
                nn.Tanh() if last else nn.ReLU(),
            ]
            channels = outer
        self.layers = nn.Sequential(*layers)

    def forward(self, *inputs: Tensor) -> Tensor:
        image: Tensor = self.layers(self.join(*inputs))
        return image


def _channels(level: int, width: float) -> int:
    return scaled(min(1024, 128 * 2**level), width)
