"""The torch side of ``casia.py``."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from gan_recipe_plugins._elu import ELU
from gan_recipe_plugins._join import Join, stacked
from gan_recipe_plugins._norm import norm_layer
from gan_recipe_plugins._width import scaled

# Middle and last channels of each of the encoder's stages, finest first.
STAGES = ((32, 64), (64, 128), (96, 192), (128, 256), (160, 320))


class CasiaEncoder(nn.Module):
    def __init__(self, channels: int, *, width: float, residual: bool, norm: str, activation: str, stem: int) -> None:
        super().__init__()
        self.stem = stem
        channels *= stem * stem
        stages: list[nn.Module] = []
        for (middle, last), stride in zip(STAGES, _strides(stem), strict=True):
            inner, outer = scaled(middle, width), scaled(last, width)
            stage = nn.Sequential(
                _convolution(channels, inner, stride, norm),
                norm_layer(norm, inner),
                _activation(activation),
                _convolution(inner, outer, 1, norm),
                norm_layer(norm, outer),
            )
            stages.append(_Residual(stage, channels, outer, stride) if residual else stage)
            stages.append(_activation(activation))
            channels = outer
        self.stages = nn.Sequential(*stages)

    def forward(self, *images: Tensor) -> Tensor:
        image = stacked(images)
        code: Tensor = self.stages(pixel_unshuffle(image, self.stem) if self.stem > 1 else image)
        return code


class CasiaDecoder(nn.Module):
    def __init__(
        self,
        examples: Sequence[Tensor],
        *,
        width: float,
        norm: str,
        activation: str,
        pool: bool,
        size: int | None,
        stem: int,
        image_channels: int,
    ) -> None:
        super().__init__()
        self.stem = stem
        side = None if size is None else (size // 16, size // 16)
        self.join = Join(examples, pool=pool, channels=scaled(STAGES[-1][1], width), side=side)
        channels = self.join.channels
        stages: list[nn.Module] = []
        for level in reversed(range(1, len(STAGES))):
            inner, outer = scaled(STAGES[level][0], width), scaled(STAGES[level - 1][1], width)
            stages += [
                _convolution(channels, inner, 1, norm),
                norm_layer(norm, inner),
                _activation(activation),
                _enlarging(inner, outer, norm) if _strides(stem)[level] == 2 else _convolution(inner, outer, 1, norm),
                norm_layer(norm, outer),
                _activation(activation),
            ]
            channels = outer
        inner = scaled(STAGES[0][0], width)
        stages += [
            _convolution(channels, inner, 1, norm),
            norm_layer(norm, inner),
            _activation(activation),
            # Left as torch makes it: a full-size start would sit in the tanh's flat ends.
            nn.Conv2d(inner, image_channels * stem * stem, 3, padding=1),
        ]
        self.stages = nn.Sequential(*stages)

    def forward(self, *inputs: Tensor) -> Tensor:
        image: Tensor = self.stages(self.join(*inputs))
        return (pixel_shuffle(image, self.stem) if self.stem > 1 else image).tanh()


class _Residual(nn.Module):
    def __init__(self, stage: nn.Module, channels: int, outer: int, stride: int) -> None:
        super().__init__()
        self.stage = stage
        self.shortcut = nn.Sequential(
            nn.AvgPool2d(2) if stride == 2 else nn.Identity(), nn.Conv2d(channels, outer, 1, bias=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.stage(x) + self.shortcut(x)
        return y


def _strides(stem: int) -> tuple[int, ...]:
    # A folded image has been halved once already, so the last stage keeps its map.
    return (1, 2, 2, 2, 2) if stem == 1 else (1, 2, 2, 2, 1)


def _convolution(channels: int, outer: int, stride: int, norm: str) -> nn.Conv2d:
    convolution = nn.Conv2d(channels, outer, 3, stride=stride, padding=1, bias=norm == "none")
    nn.init.kaiming_normal_(convolution.weight)
    return convolution


def _enlarging(channels: int, outer: int, norm: str) -> nn.ConvTranspose2d:
    convolution = nn.ConvTranspose2d(channels, outer, 4, stride=2, padding=1, bias=norm == "none")
    # Of the 16 taps four meet in a pixel of the output, each over all input channels.
    nn.init.normal_(convolution.weight, std=(2 / (4 * channels)) ** 0.5)
    return convolution


def _activation(name: str) -> nn.Module:
    return ELU() if name == "elu" else nn.LeakyReLU(0.2)
