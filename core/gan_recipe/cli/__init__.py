"""The command line. Each command imports what it uses when it runs; ``--help`` imports click and little else."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

TYPE_CHECKING = False  # what checkers take for true; importing typing, to say so, would take longer than all the rest
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType


def main() -> None:
    """The program ``gan-recipe``; its exit codes are those of ``program.run``.

    While it is imported, half of the time that a short command takes, nothing is begun that an interrupt could lose:
    it ends the process, and Python has no say in it.
    """
    # Whoever ignores the interrupt, as a shell has its jobs in the background do, or hears it, goes on to do so.
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_ours:
        _on_interrupt(_end)
    from gan_recipe.cli.program import run

    try:
        if is_ours:
            _on_interrupt(signal.default_int_handler)
        run()
    except KeyboardInterrupt:  # before there is anybody to tell of it, or once more while it is told
        sys.exit(128 + signal.SIGINT)


def _on_interrupt(do: Callable[[int, FrameType | None], object]) -> None:
    with suppress(ValueError):  # in another thread than the first, which alone is interrupted
        signal.signal(signal.SIGINT, do)


def _end(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)
