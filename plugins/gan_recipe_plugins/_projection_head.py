"""The torch side of ``projection_head.py``."""

from __future__ import annotations

from torch import Tensor, nn


class ProjectionHead(nn.Module):
    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1)
        self.embedding = nn.Embedding(classes, features)

    def forward(self, features: Tensor, labels: Tensor) -> Tensor:
        pooled = features.sum((2, 3)) if features.dim() == 4 else features
        logit: Tensor = self.linear(pooled) + (self.embedding(labels) * pooled).sum(1, keepdim=True)
        return logit
