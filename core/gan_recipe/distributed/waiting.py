"""What is told where processes wait for each other and one of them is gone, or hangs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from gan_recipe.errors import RunError, UserError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

#: How many seconds the others wait while one works alone, such as the first one at metrics.
ALONE = 3600.0
# Whoever waits began to do so when the slowest of those that wait came, so that their times are up almost together.
_OTHERS_TELL = 2.0
# The store answers within milliseconds.
_STORE_ANSWERS = 10.0


class Waiting:
    """The waits of one process."""

    def __init__(self, store: Store, rank: int, count: int, patience: float) -> None:
        """``store`` is shared by the processes; ``patience`` are the seconds that their groups wait."""
        self._store, self._rank, self._count, self._patience = store, rank, count, patience
        #: The round that is played.
        self.round = 0

    @contextmanager
    def for_(self, what: str, *, alone: bool = False) -> Iterator[None]:
        """Within the block processes wait for each other. Raises RunError where one of them is gone, or hangs."""
        try:
            yield
        except (RunError, UserError):
            raise
        except RuntimeError as error:
            first_line = str(error).strip().partition("\n")[0]
            if not any(said in first_line.lower() for said in ("timeout", "timed out")):
                gone = "another process of this run has ended, and this one cannot go on alone"
                raise RunError(f"{gone} ({first_line})") from error
            raise RunError(
                f"in round {self.round:,} this process has waited {ALONE if alone else self._patience:g} s for {what}. "
                f"{self._who_hangs()}"
            ) from error

    def _who_hangs(self) -> str:
        """Whoever has waited in vain says so where all can read it; the others are those that were waited for."""
        missing: list[int] | None = None

        def ask() -> None:
            nonlocal missing
            key = "waits/{}"
            with suppress(RuntimeError):
                self._store.set(key.format(self._rank), "in vain")
                time.sleep(_OTHERS_TELL)
                missing = [each for each in range(self._count) if not self._store.check([key.format(each)])]

        # Where the network is gone, the store is, too, and waits for it without end.
        asking = Thread(target=ask, daemon=True, name="asking who hangs")
        asking.start()
        asking.join(_OTHERS_TELL + _STORE_ANSWERS)
        if missing is None:
            return "Another process hangs or is gone, or the network between them is"
        if not missing:
            return "All processes wait, and not for the same: which sums a round makes may not depend on the samples"
        return f"Process {', '.join(map(str, missing))} did not come: it hangs, or is far slower than the others"
