"""The torch side of ``pack.py``."""

from __future__ import annotations

from torch import Tensor, nn


class Pack(nn.Module):
    def __init__(self, samples: int) -> None:
        super().__init__()
        self.samples = samples

    def forward(self, input: Tensor) -> Tensor:
        size = len(input)
        if size % self.samples:
            raise ValueError(f"a batch of {size} makes no whole packs of {self.samples}; change run.batch or samples")
        return input.reshape(size // self.samples, self.samples * input.shape[1], *input.shape[2:])
