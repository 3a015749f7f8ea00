"""The torch side of ``patch_encoder.py``."""

from __future__ import annotations

from torch import Tensor, nn

from gan_recipe_plugins._join import stacked
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._width import scaled


class PatchEncoder(nn.Module):
    def __init__(self, channels: int, *, width: float, strides: int, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level in range(strides + 1):
            outer = scaled(64 * min(8, 2**level), width)
            level_norm = "none" if level == 0 else norm
            layers += [
                nn.Conv2d(channels, outer, 4, 2 if level < strides else 1, padding=1, bias=level_norm == "none"),
                norm_layer(level_norm, outer),
                nn.LeakyReLU(0.2),
            ]
            channels = outer
        self.layers = nn.Sequential(*layers)

    def forward(self, *images: Tensor) -> Tensor:
        features: Tensor = self.layers(stacked(images))
        return features
