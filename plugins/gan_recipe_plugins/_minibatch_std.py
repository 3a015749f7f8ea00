"""The torch side of ``minibatch_std.py``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Under the root, so that equal samples have a gradient.
_TINY = 1e-8


class MinibatchStd(nn.Module):
    def __init__(self, group: int) -> None:
        super().__init__()
        self.group = group

    def forward(self, features: Tensor) -> Tensor:
        size = len(features)
        group = min(self.group, size)
        if size % group:
            raise ValueError(f"a batch of {size} makes no whole groups of {group}; change run.batch or group")
        apart = features.reshape(size // group, group, -1)
        spread = (apart.var(dim=1, unbiased=False) + _TINY).sqrt().mean(dim=1)
        channel = spread.repeat_interleave(group).view(size, 1, *[1] * (features.dim() - 2))
        return torch.cat([features, channel.expand(size, 1, *features.shape[2:]).to(features.dtype)], dim=1)
