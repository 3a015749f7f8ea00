"""Processes that are one run: what they share, what they agree on, and what only the first of them does.

``torchrun`` starts them, on one machine or on many. Each holds all networks, trains on its share of every batch, and
takes part in every sum over processes. No wrapper stands around the networks: those of the data-parallel kind see one
forward and one backward of one module, and a GAN's round has neither.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor

from gan_recipe.distributed.waiting import Waiting
from gan_recipe.errors import RunError, ToldElsewhereError, UserError

if TYPE_CHECKING:
    import torch.distributed as dist

T = TypeVar("T")
_STOP = "whether to stop"


class Processes:
    """The processes of a run, as one of them sees the others."""

    def __init__(self, rank: int, count: int, local: int, patient: dist.ProcessGroup, waiting: Waiting) -> None:
        """Of ``count`` processes this is number ``rank``, and number ``local`` on its machine.

        What all do at the same time goes through torch's own group; what some wait for while others work, through
        ``patient``.
        """
        # Torch's group is not kept here, and the other is let go of at the end: a group's threads end with the last
        # reference to it, and where they outlive the interpreter, letting go of a tensor there aborts a run that is
        # done.
        self.rank = rank
        self.count = count
        self._patient: dist.ProcessGroup | None = patient
        #: Tells what went wrong where processes wait for each other.
        self.waiting = waiting
        self.local = local
        self._votes: dist.Work | None = None
        self._ballot = torch.zeros(1, dtype=torch.int64)

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def device(self, stated: str) -> str:
        """``auto`` and ``cuda`` are the GPU of this process's own number on its machine."""
        if stated == "cpu" or not torch.cuda.is_available() or stated not in ("auto", "cuda"):
            return stated
        device = f"cuda:{self.local}"
        torch.cuda.set_device(device)
        return device

    # ------------------------------------------------------------------------------------------------ tensors

    def sum(self, tensor: Tensor, what: str) -> Tensor:
        """The sum over processes, in place. ``what`` is summed is named when it cannot be."""
        with self.waiting.for_(what):
            self.begin_sum(tensor).wait()
        return tensor

    def begin_sum(self, tensor: Tensor) -> dist.Work:
        """Start a sum over processes, in place. All processes start their sums in the same order."""
        from torch.distributed import ReduceOp, all_reduce

        work = all_reduce(tensor, ReduceOp.SUM, async_op=True)
        assert work is not None
        return work

    def most(self, tensor: Tensor, what: str) -> Tensor:
        """The largest over processes, element by element, in place."""
        from torch.distributed import ReduceOp, all_reduce

        with self.waiting.for_(what):
            all_reduce(tensor, ReduceOp.MAX)
        return tensor

    def give(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite the tensors of all processes with those of the first."""
        from torch.distributed import broadcast

        with torch.no_grad(), self.waiting.for_("the first weights"):
            for tensor in tensors:
                # In the order of memory: what a collective walks must be contiguous, and NHWC weights are not.
                flat = tensor.detach().contiguous()
                broadcast(flat, 0)
                tensor.copy_(flat)

    def rows(self, share: Tensor, what: str) -> Tensor:
        """The rows of all processes in their order, one share behind the other; all shares have one shape."""
        from torch.distributed import all_gather

        share = share.contiguous()
        shares = [torch.empty_like(share) for _ in range(self.count)]
        with self.waiting.for_(what):
            all_gather(shares, share)
        return torch.cat(shares)

    def means(self, values: Mapping[str, Tensor], what: str) -> dict[str, Tensor]:
        """The mean over processes of each scalar."""
        if not values:
            return {}
        stacked = torch.stack([value.detach() for value in values.values()])
        return dict(zip(values, self.sum(stacked, what).div_(self.count).unbind(), strict=True))

    # ------------------------------------------------------------------------------------------------ agreement

    def agreed(self, number: int | None) -> int | None:
        """The largest ``number`` that any process had: at the call before, so that nobody waits for it."""
        before = self._read_votes()
        from torch.distributed import ReduceOp, all_reduce

        self._ballot = torch.tensor([number or 0])
        self._votes = all_reduce(self._ballot, ReduceOp.MAX, async_op=True)
        return before

    def agree(self, number: int | None) -> int | None:
        """The largest ``number`` that any process has now, or had at the last call of ``agreed``."""
        before = self._read_votes() or 0
        self._votes = None
        return int(self.most(torch.tensor([max(number or 0, before)]), _STOP)) or None

    def _read_votes(self) -> int | None:
        if self._votes is None:
            return None
        with self.waiting.for_(_STOP):
            self._votes.wait()
        return int(self._ballot) or None

    def end_together(self) -> None:
        """Wait until all have come so far, since the first one may have more to write, and part."""
        from torch.distributed import barrier, destroy_process_group

        with self.waiting.for_("the first process to end", alone=True):
            barrier(self._patient)
        self._patient = None
        destroy_process_group()

    def by_first(self, work: Callable[[], T]) -> T:
        """What the first process gets from ``work``, which only it does; JSON can hold it.

        What it raises as UserError or RunError, it raises; the others raise ToldElsewhereError.
        """
        told: dict[str, Any] = {}
        failed: UserError | RunError | None = None
        if self.first:
            try:
                told = {"result": work()}
            except (UserError, RunError) as error:
                failed = error
                told = {"failed": 2 if isinstance(error, UserError) else 1}
        told = self._telling(told)
        if failed is not None:
            raise failed
        if "failed" in told:
            raise ToldElsewhereError(told["failed"])
        result: T = told["result"]
        return result

    def together(self, work: Callable[[], T]) -> T:
        """Do ``work`` in every process; when it fails in any, it has failed in all, and every reason is told once."""
        told: dict[str, Any] = {}
        result = None
        failed: UserError | None = None
        try:
            result = work()
        except UserError as error:
            failed = error
            told = {"failed": str(error)}
        everyone = self._gathered(told)
        reasons: dict[str, int] = {}
        for rank, each in enumerate(everyone):
            if "failed" in each:
                reasons.setdefault(each["failed"], rank)
        if not reasons:
            assert result is not None
            return result
        if not self.first:
            raise ToldElsewhereError(2)
        if failed is not None and len(reasons) == 1:
            raise failed
        raise UserError("\n".join(f"process {rank}: {reason}" for reason, rank in reasons.items()))

    def all_told(self, told: T) -> list[T]:
        """What every process tells, by rank; JSON can hold it."""
        return [each["told"] for each in self._gathered({"told": told})]

    def told_once(self, error: RunError) -> RunError | ToldElsewhereError:
        """What to raise for something that every process has found alike."""
        return error if self.first else ToldElsewhereError(error.exit_code)

    def _telling(self, told: Mapping[str, Any]) -> dict[str, Any]:
        from torch.distributed import broadcast

        data = json.dumps(told).encode() if self.first else b""
        length = torch.tensor([len(data)])
        with self.waiting.for_("what the first process does alone", alone=True):
            broadcast(length, 0, group=self._patient)
            text = torch.tensor(list(data) or [0] * int(length), dtype=torch.uint8)
            broadcast(text, 0, group=self._patient)
        heard: dict[str, Any] = json.loads(bytes(text.tolist()))
        return heard

    def _gathered(self, told: Mapping[str, Any]) -> list[dict[str, Any]]:
        from torch.distributed import ReduceOp, all_gather, all_reduce

        data = json.dumps(told).encode()
        with self.waiting.for_("what each process does by itself", alone=True):
            longest = torch.tensor([len(data)])
            all_reduce(longest, ReduceOp.MAX, group=self._patient)
            mine = torch.tensor(list(data.ljust(int(longest))), dtype=torch.uint8)
            found = [torch.empty_like(mine) for _ in range(self.count)]
            all_gather(found, mine, group=self._patient)
        return [json.loads(bytes(each.tolist())) for each in found]


def by_first(processes: Processes | None, work: Callable[[], T]) -> T:
    """``Processes.by_first``, which one process alone is, too."""
    return processes.by_first(work) if processes is not None else work()


def told_once(processes: Processes | None, error: RunError) -> RunError | ToldElsewhereError:
    """``Processes.told_once``, which one process alone is, too."""
    return processes.told_once(error) if processes is not None else error


def together(processes: Processes | None, work: Callable[[], T]) -> T:
    """``Processes.together``, which one process alone is, too."""
    return processes.together(work) if processes is not None else work()


def share_of_cores() -> int:
    """How many processes of the run share this machine's cores."""
    return max(1, int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
