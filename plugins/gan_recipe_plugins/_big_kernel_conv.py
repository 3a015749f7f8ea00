"""The torch side of ``big_kernel_conv.py``."""

from __future__ import annotations

from torch import Tensor, nn


class BigKernelConv(nn.Module):
    def __init__(self, channels: int, height: int, width: int, outputs: int, *, norm_on_logit: bool) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, outputs, (height, width), bias=not norm_on_logit)
        self.norm = nn.Sequential(nn.BatchNorm2d(outputs), nn.ELU()) if norm_on_logit else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.norm(self.convolution(features))
        return logits.flatten(1)
