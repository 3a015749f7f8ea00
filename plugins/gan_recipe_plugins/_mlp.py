"""The torch side of ``mlp.py``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    def __init__(self, features: int, widths: Sequence[int], outputs: int | None, *, norm: str, slope: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in widths:
            layers.append(nn.Linear(features, width))
            if norm != "none":
                layers.append(nn.BatchNorm1d(width) if norm == "batch" else nn.LayerNorm(width))
            layers.append(nn.LeakyReLU(slope))
            features = width
        if outputs is not None:
            layers.append(nn.Linear(features, outputs))
        self.layers = nn.Sequential(*layers)

    def forward(self, *inputs: Tensor) -> Tensor:
        flat = [each.flatten(1) for each in inputs]
        result: Tensor = self.layers(flat[0] if len(flat) == 1 else torch.cat(flat, dim=1))
        return result
