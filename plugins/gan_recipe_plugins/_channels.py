"""The torch side of ``channels.py``."""

from __future__ import annotations

from torch import Tensor, nn


class Channels(nn.Module):
    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start = start
        self.stop = stop

    def forward(self, features: Tensor) -> Tensor:
        return features[:, self.start : self.stop]
