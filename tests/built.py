"""Networks built for a test, and inputs for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from gan_recipe import Network


def images(height: int, width: int | None = None, *, batch: int = 2, channels: int = 3) -> Tensor:
    return torch.rand(batch, channels, height, width or height) * 2 - 1


def labels(*values: int) -> Tensor:
    return torch.tensor(values)


def pyramid(*channels: int, side: int) -> tuple[Tensor, ...]:
    return tuple(torch.randn(2, count, side >> level, side >> level) for level, count in enumerate(channels))


def build(network: Network, *inputs: Any, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return network.build(*inputs)


def each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    return tuple(map(change, value)) if isinstance(value, tuple) else change(value)
