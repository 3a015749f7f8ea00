"""The samples that other processes have, for a component that keeps a state of samples. No torch at the top.

Where ``torchrun`` starts several processes, each trains on a share of every batch, and what a module learns of its
share alone would differ between them. A module that keeps past samples, or counts them, asks for the whole batch.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

if TYPE_CHECKING:
    from torch import Tensor


class Sharing(Protocol):
    """Processes that share a batch, as far as its rows go."""

    @property
    def rank(self) -> int: ...

    @property
    def count(self) -> int: ...

    def rows(self, share: Tensor, what: str, /) -> Tensor: ...


_sharing: Sharing | None = None


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

    def __init__(self, processes: Sharing, inside: AbstractContextManager[Any]) -> None:
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


@frozen
class Rehearsed:
    """``count`` processes of which this one plays all: each has the same rows. A rehearsal waits for nobody."""

    count: int
    rank: int = 0

    def rows(self, share: Tensor, what: str, /) -> Tensor:
        return share.repeat(self.count, *[1] * (share.dim() - 1))
