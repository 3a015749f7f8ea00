"""What a schedule that steers has heard so far, and the figures on their way to it."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gan_recipe.distributed.processes import Processes
from gan_recipe.engine.concatenation import Value
from gan_recipe.engine.graph import Store, full
from gan_recipe.engine.late import LATE
from gan_recipe.interfaces import SteeredSchedule
from gan_recipe.language.dataflow import Node

_WHAT = "the schedule's figure"


class Steering:
    """Takes a schedule's figure in the rounds that compute what it reads, and hands it over some rounds later.

    Nothing waits for the device: a figure is copied while the next rounds are under way.
    """

    def __init__(self, schedule: SteeredSchedule, reads: Mapping[str, Node], processes: Processes | None) -> None:
        self._schedule, self._reads, self._processes = schedule, reads, processes
        #: What the schedule remembers.
        self.memory: Mapping[str, float] = dict(schedule.begin())
        self._pending: deque[tuple[int, Callable[[], float]]] = deque()

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        """Who moves in the round, now that all figures are heard that are old enough."""
        while self._pending and self._pending[0][0] + LATE <= round:
            figure = self._pending.popleft()[1]()
            if math.isfinite(figure):  # what is not finite is told of elsewhere, and steers nothing
                self.memory = dict(self._schedule.heard(self.memory, figure))
        return self._schedule.moves_after(self.memory, round, players)

    def see(self, round: int, store: Store) -> None:
        """Take the figure in the first move of the round that has all of its values; they have not moved on yet."""
        if self._pending and self._pending[-1][0] == round:
            return
        if all(node in store for node in self._reads.values()):
            with torch.no_grad():
                figure = self._schedule(**{name: self._whole(full(store[node])) for name, node in self._reads.items()})
            figure = figure.detach().reshape(())
            if self._processes is not None:
                # All have computed the same of the same samples; of what two machines may round apart, one counts.
                figure = self._processes.most(figure, _WHAT)
            self._pending.append((round, _on_its_way(figure)))

    def _whole(self, value: Value) -> Value:
        """Of all samples of the batch: a figure of each process's own need not have the whole batch's as its mean."""
        if self._processes is None:
            return value
        if isinstance(value, Tensor):
            return self._processes.rows(value, _WHAT)
        return tuple(map(self._whole, value))

    def state(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {"memory": dict(self.memory), "pending": [[round, read()] for round, read in self._pending]}

    def restore(self, state: Mapping[str, Any]) -> None:
        """The reverse of ``state``; what another schedule remembered, before the run went back, is nothing to it."""
        if state["memory"].keys() != self.memory.keys():
            return
        self.memory = dict(state["memory"])
        self._pending = deque((round, partial(float, figure)) for round, figure in state["pending"])


def _on_its_way(figure: Tensor) -> Callable[[], float]:
    """Reads the figure later, without waiting for what the device has been given since."""
    if not figure.is_cuda:
        return partial(float, figure)
    copy = torch.empty((), dtype=figure.dtype, pin_memory=True)
    copy.copy_(figure, non_blocking=True)
    made = torch.cuda.Event()  # type: ignore[no-untyped-call]
    made.record()

    def read() -> float:
        made.synchronize()
        return float(copy)

    return read
