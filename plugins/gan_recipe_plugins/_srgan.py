"""The torch side of ``srgan.py``."""

from __future__ import annotations

from torch import Tensor, nn

from gan_recipe_plugins._join import stacked
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._width import scaled

# Channels and stride of each convolution.
LAYERS = ((64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 2))


class SRGANTrunk(nn.Module):
    def __init__(self, channels: int, *, width: float, norm: str) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index, (count, stride) in enumerate(LAYERS):
            outer, layer_norm = scaled(count, width), "none" if index == 0 else norm
            layers += [
                nn.Conv2d(channels, outer, 3, stride, padding=1, bias=layer_norm == "none"),
                norm_layer(layer_norm, outer),
                nn.LeakyReLU(0.2),
            ]
            channels = outer
        self.layers = nn.Sequential(*layers)

    def forward(self, *images: Tensor) -> Tensor:
        features: Tensor = self.layers(stacked(images))
        return features


def srgan_head(channels: int, height: int, width: int, *, scale: float) -> nn.Sequential:
    inner, wide = scaled(512, scale), scaled(1024, scale)
    return nn.Sequential(
        nn.Conv2d(channels, inner, (height, width)),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(inner, wide),
        nn.LeakyReLU(0.2),
        nn.Linear(wide, 1),
    )
