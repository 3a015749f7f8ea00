"""Losses brought to one loudness where they meet."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_recipe.distributed.processes import Processes
from gan_recipe.engine.graph import Store, full
from gan_recipe.language.plan import Move
from gan_recipe.language.recipe import BalanceSpec

# Under the fraction, as the paper has it: a loss that pulls at nothing is not made infinitely loud.
_LITTLE = 1e-4


def balanced(
    balance: BalanceSpec, move: Move, store: Store, values: Sequence[Tensor], processes: Processes | None = None
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """The losses of a move, those that are balanced scaled, and their factors; where the reference is not due, as they
    are.

    One backward pass from each loss down to the meeting point, and no further. The factors are constants to the
    gradient and stay on the device.
    """
    named = {term.loss.name: value for term, value in zip(move.terms, values, strict=True)}
    if balance.reference not in named:
        return list(values), {}
    point = store[balance.at]
    reference = _length(named[balance.reference], point, processes)
    factors = {}
    for name in balance.losses:
        if name in named:
            factors[name] = factor = (reference / (_length(named[name], point, processes) + _LITTLE)).clamp(
                max=balance.most
            )
            named[name] = named[name] * factor
    return list(named.values()), factors


def _length(loss: Tensor, point: Tensor, processes: Processes | None) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, point, retain_graph=True)
    length: Tensor = torch.linalg.vector_norm(full(gradient))
    if processes is None:
        return length
    # Each process has the mean over its own rows; the whole batch's is the mean of those.
    return processes.sum(length.square(), "how loud a loss is").sqrt() / processes.count
