"""The torch side of ``cosine_head.py``: imported by ``build`` alone."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize


class CosineHead(nn.Module):
    def __init__(self, channels: int, scale: float) -> None:
        super().__init__()
        self.direction = nn.Parameter(torch.randn(channels, 1))
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, features: Tensor) -> Tensor:
        pooled = features.mean(dim=(2, 3)) if features.dim() == 4 else features
        return self.scale * (normalize(pooled, dim=1) @ normalize(self.direction, dim=0))
