"""The torch side of ``replay.py``."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Replay(nn.Module):
    pool: Tensor
    seen: Tensor

    def __init__(self, example: Tensor, size: int) -> None:
        super().__init__()
        self.register_buffer("pool", torch.zeros(size, *example.shape[1:], dtype=example.dtype))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        count, size = len(input), len(self.pool)
        if count > size:
            raise ValueError(f"a batch of {count} is more than the pool of {size} holds; make size larger")
        full = self.seen >= size
        # No two samples of a batch share a place, full or not. Which it is stays on the device.
        place = torch.where(
            full,
            torch.randperm(size, device=input.device)[:count],
            (self.seen + torch.arange(count, device=input.device)) % size,
        )
        swapped = full & (torch.rand(count, device=input.device) < 0.5)
        swapped = swapped.view(-1, *[1] * (input.dim() - 1))
        past = self.pool[place].to(input.dtype)
        result = torch.where(swapped, past, input)
        with torch.no_grad():
            self.pool[place] = torch.where(swapped | ~full, input.detach(), past).to(self.pool.dtype)
            self.seen += count
        return result
