"""The samples that other processes have, for a component that keeps a state of samples. No torch at the top.

Where ``torchrun`` starts several processes, each trains on a share of every batch, and what a module learns of its
share alone would differ between them. A module that keeps past samples, or counts them, asks for the whole batch.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe.distributed.processes import Processes

_sharing: Processes | None = None


def whole_batch(rows: Tensor) -> Tensor:
    """The rows (N, ...) of all processes, in the batch's order and without gradients; as they are in a single process.

    All processes wait for each other here, so that whether it is called may not depend on the samples.
    """
    rows = rows.detach()
    return rows if _sharing is None else _sharing.rows(rows, "the whole batch")


def own_rows(whole: Tensor) -> Tensor:
    """The reverse: of what was made for the whole batch, the rows of this process's share."""
    if _sharing is None:
        return whole
    share = len(whole) // _sharing.count
    return whole[_sharing.rank * share : (_sharing.rank + 1) * share]


class SharedBatch(AbstractContextManager["SharedBatch"]):
    """Within the block the batch is shared by ``processes``, and ``inside`` holds, too. It can be entered again."""

    def __init__(self, processes: Processes, inside: AbstractContextManager[Any]) -> None:
        self._processes, self._inside = processes, inside

    def __enter__(self) -> SharedBatch:
        global _sharing
        self._inside.__enter__()
        _sharing = self._processes
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        global _sharing
        _sharing = None
        self._inside.__exit__(kind, error, at)
