"""Batches concatenated for one call of a network, and what the call made taken apart again.

At small sizes a call costs its weights and its overhead, whatever the batch: one call on three batches is faster than
three. A network that takes each sample by itself makes the same of them; one that does not is told of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

#: A tensor, or a tuple of them (a pyramid of features).
Value = Any


def rows(value: Value) -> int:
    """How many samples a value holds."""
    found: int = value.shape[0] if isinstance(value, Tensor) else rows(value[0])
    return found


def concatenated(values: Sequence[Value]) -> Value:
    """The samples of all values in one. Raises RuntimeError where theirs are of different shapes."""
    if isinstance(values[0], Tensor):
        return torch.cat(tuple(values))
    return tuple(map(concatenated, zip(*values, strict=True)))


def taken_apart(value: Value, counts: Sequence[int]) -> list[Value]:
    """The parts of a value, of so many samples each. Raises ValueError where it has another number of samples."""
    if isinstance(value, Tensor):
        if value.shape[:1] != (sum(counts),):
            raise ValueError(
                f"of {sum(counts)} samples it made a value of shape {tuple(value.shape)}: with concat = true it is "
                "called on several batches at once, and has to make one row of each sample"
            )
        return list(torch.split(value, list(counts)))
    return list(zip(*(taken_apart(each, counts) for each in value), strict=True))
