"""The torch side of ``linear_fc.py``."""

from __future__ import annotations

from torch import Tensor, nn


class LinearFC(nn.Module):
    def __init__(self, features: int, outputs: int, *, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(features, outputs, bias=bias)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.linear(features.mean((2, 3)) if features.dim() == 4 else features)
        return logits
