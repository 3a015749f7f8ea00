"""The torch side of ``replay.py``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_recipe import own_rows, whole_batch


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
        # Processes that share a batch share a pool: each keeps all of it, and hands on its own rows.
        newest = whole_batch(input)
        count, size = len(newest), len(self.pool)
        if count > size:
            raise ValueError(f"a batch of {count} is more than the pool of {size} holds; make size larger")
        full = self.seen >= size
        # No two samples of a batch share a place, full or not. Which it is stays on the device.
        place = torch.where(
            full,
            torch.randperm(size, device=input.device)[:count],
            (self.seen + torch.arange(count, device=input.device)) % size,
        )
        swapped = full & (whole_batch(torch.rand(len(input), device=input.device)) < 0.5)
        swapped = swapped.view(-1, *[1] * (input.dim() - 1))
        past = self.pool[place].to(input.dtype)
        result = torch.where(own_rows(swapped), own_rows(past), input)
        with torch.no_grad():
            self.pool[place] = torch.where(swapped | ~full, newest, past).to(self.pool.dtype)
            self.seen += count
        return result
