"""Group norms under autocast on a CPU, in full precision."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def norms_in_full(network: nn.Module) -> None:
    """Have the group norms of ``network`` compute in float32 and hand on bfloat16.

    Autocast does so on a GPU. On a CPU torch takes them in bfloat16, which loses digits of the variance, and its
    backward of channels_last maps is up to fifteen times slower than in float32 (torch 2.14: 4.2 ms against 0.3 for 64
    channels of 32 px and 16 samples), so that bf16 could be no faster than float32.
    """
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.register_forward_pre_hook(_in_float32)
            module.register_forward_hook(_handed_on)


def _in_float32(module: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(each.float() for each in arguments)


def _handed_on(module: nn.Module, arguments: Any, result: Tensor) -> Tensor:
    # Penalties are taken outside autocast, in full precision.
    return result.bfloat16() if torch.is_autocast_enabled("cpu") else result
