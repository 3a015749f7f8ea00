"""Stopping a run from outside: the first signal is a request, the second an order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

from attrs import define

if TYPE_CHECKING:
    from gan_recipe.runs.verdicts import Told

# SIGUSR1 is what a cluster's scheduler can be told to send some time before it ends a job.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


class StoppedAtOnce(KeyboardInterrupt):
    """A signal that could not wait; ``number`` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


#: In place of a signal's number, and above all of them: the doctor told of what the recipe names in ``doctor.stop``.
BY_VERDICT = 256


@define
class Stop:
    """Whether somebody asked a run to stop."""

    #: The number of the signal that asked, or BY_VERDICT; None while nobody did.
    asked: int | None = None
    #: The verdict that did.
    verdict: Told | None = None
    #: Whether there is nothing left that a stop could lose, so that the first signal stops at once, too.
    at_once: bool = False

    @property
    def by_verdict(self) -> int | None:
        """BY_VERDICT once one is told, which all processes know at once: they need not ask each other."""
        return BY_VERDICT if self.verdict is not None else None


def exit_code(number: int) -> int:
    """What a process that signal ``number`` stopped exits with, as shells have it: 130, 143, 138; 3 by a verdict."""
    return 3 if number == BY_VERDICT else 128 + number


@contextmanager
def asked_to_stop() -> Iterator[Stop]:
    """Within the block the first SIGINT, SIGTERM or SIGUSR1 is noted, and the second raises StoppedAtOnce.

    After the second, signals have their plain effect again: a third ends the process, whatever it waits for.
    """
    stop = Stop()
    before: dict[signal.Signals, Any] = {}

    def ask(number: int, frame: FrameType | None) -> None:
        if stop.asked in (None, BY_VERDICT) and not stop.at_once:
            stop.asked = number
            return
        for each in _SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        raise StoppedAtOnce(number)

    if threading.current_thread() is threading.main_thread():  # elsewhere the caller has its own way to stop
        before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
