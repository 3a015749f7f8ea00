"""The gradients of a move, averaged over processes before its optimiser steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from gan_recipe.distributed.processes import Processes
from gan_recipe.errors import RunError

if TYPE_CHECKING:
    import torch.distributed as dist

# Large enough that the wait of a sum is little beside its transfer, small enough that the first starts early.
_BUCKET = 8 * 2**20
_WHAT = "the gradients of a move"


class GradientExchange:
    """Averages over *all* parameters of a player, in flat buckets: a parameter without a gradient counts as zeros.

    Which parameters a move reaches is agreed once for each set of due losses. One that no process reaches keeps no
    gradient, so that optimisers pass over it as they do in a single process.
    """

    def __init__(self, processes: Processes, parameters: Sequence[Tensor]) -> None:
        """Hooks start a bucket's sum when its last gradient is there, while backward goes on to the others."""
        self._processes = processes
        self._parameters = list(parameters)
        self._buckets = list(_buckets(self._parameters))
        self._of = {id(p): bucket for bucket in self._buckets for p in bucket.parameters}
        self._reached: dict[tuple[str, ...], list[bool]] = {}
        self._started = 0
        self._armed = False
        #: Whether sums start during backward.
        self.overlaps = True
        for parameter in self._parameters:
            wanted = parameter.requires_grad
            parameter.requires_grad = True  # only of such a tensor torch takes hooks, and it keeps them
            parameter.register_post_accumulate_grad_hook(self._ready)  # type: ignore[no-untyped-call]
            parameter.requires_grad = wanted

    def begin(self) -> None:
        """Backward comes next."""
        self._started = 0
        self._armed = self.overlaps
        for bucket in self._buckets:
            bucket.missing = len(bucket.parameters)

    def finish(self, losses: Sequence[str]) -> None:
        """Backward is over: every gradient becomes its mean over processes. Raises RunError when a process is gone."""
        self._armed = False
        reached = self._agree(tuple(losses))
        while self._started < len(self._buckets):
            self._start_next()
        with self._processes.waiting.for_(_WHAT):
            for bucket in self._buckets:
                assert bucket.work is not None
                bucket.work.wait()
                bucket.work = None
        torch._foreach_div_([bucket.flat for bucket in self._buckets], float(self._processes.count))
        for parameter, is_reached in zip(self._parameters, reached, strict=True):
            parameter.grad = self._of[id(parameter)].views[id(parameter)] if is_reached else None

    def _agree(self, losses: tuple[str, ...]) -> list[bool]:
        mine = [parameter.grad is not None for parameter in self._parameters]
        if losses not in self._reached:
            found = self._processes.most(torch.tensor(mine, dtype=torch.int32), _WHAT)
            self._reached[losses] = found.bool().tolist()
        reached = self._reached[losses]
        if any(here and not agreed for here, agreed in zip(mine, reached, strict=True)):
            raise RunError(
                f"the losses {', '.join(losses)} reach a parameter in this process that they reached in none when they "
                "were first due: which networks a move calls may not depend on the samples where processes share a run"
            )
        return reached

    def _ready(self, parameter: Tensor) -> None:
        if not self._armed:
            return
        self._of[id(parameter)].missing -= 1
        # In their order, whatever the order in which they are done: every process starts the same sum next.
        while self._started < len(self._buckets) and self._buckets[self._started].missing == 0:
            self._start_next()

    def _start_next(self) -> None:
        bucket = self._buckets[self._started]
        self._started += 1
        there = [p for p in bucket.parameters if p.grad is not None]
        with torch.no_grad():
            if len(there) < len(bucket.parameters):
                bucket.flat.zero_()
            if there:
                gradients = [p.grad for p in there if p.grad is not None]
                torch._foreach_copy_([bucket.views[id(p)] for p in there], gradients)
        with self._processes.waiting.for_(_WHAT):
            bucket.work = self._processes.begin_sum(bucket.flat)


class _Bucket:
    """Parameters whose gradients lie one behind the other, each as its parameter lies in memory."""

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.flat = torch.zeros(
            sum(p.numel() for p in parameters), dtype=parameters[0].dtype, device=parameters[0].device
        )
        self.views: dict[int, Tensor] = {}
        self.missing = 0
        self.work: dist.Work | None = None
        offset = 0
        for p in parameters:
            part = self.flat[offset : offset + p.numel()]
            # NHWC weights have NHWC gradients: fused optimisers walk both as they lie.
            dense = torch.empty_like(p, device="meta").stride() == p.stride()
            self.views[id(p)] = part.as_strided(p.size(), p.stride(), offset) if dense else part.view_as(p)
            offset += p.numel()


def _buckets(parameters: Sequence[Tensor]) -> list[_Bucket]:
    """From the last parameter to the first, which is about how backward gets to them."""
    found: list[list[Tensor]] = []
    size = 0
    for parameter in reversed(parameters):
        same = bool(found) and found[-1][0].dtype == parameter.dtype and found[-1][0].device == parameter.device
        if not same or size >= _BUCKET:
            found.append([])
            size = 0
        found[-1].append(parameter)
        size += parameter.numel() * parameter.element_size()
    return [_Bucket(group) for group in found]
