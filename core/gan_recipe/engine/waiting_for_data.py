"""Waiting for data in bounded time: told while it lasts, and ended where nothing moves any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

from gan_recipe.signs_of_life import last_progress

T = TypeVar("T")

Say = Callable[[str], None]

# Seconds of waiting until a person is told of it, and between two tellings.
_TELL_AFTER, _TELL_EVERY = 5.0, 15.0


class SilenceError(Exception):
    """What was waited for shows no sign of life; ``seconds`` are how long."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"no sign of life for {seconds:g} s")
        self.seconds = seconds


def awaited(made: SimpleQueue[T], seconds: float, what: str | Callable[[], str], say: Say | None) -> T:
    """The next of a queue that a thread fills. Raises SilenceError after so many seconds without a sign of life.

    Progress counts as life: whoever works, however slowly, is waited for.
    """
    try:
        return made.get_nowait()
    except Empty:
        pass
    begun = time.monotonic()
    tell_at = begun + _TELL_AFTER
    while True:
        alive, progress = last_progress()
        now = time.monotonic()
        left = max(begun, alive) + seconds - now
        if left <= 0:
            raise SilenceError(seconds)
        if say is not None and now >= tell_at:
            how_far = f": {progress}" if alive > begun else ""
            say(f"waiting for {what if isinstance(what, str) else what()}, {now - begun:.0f} s so far{how_far}")
            tell_at = now + _TELL_EVERY
        try:
            return made.get(timeout=min(left, max(tell_at - now, 0.0)) if say is not None else left)
        except Empty:
            continue


def in_time(work: Callable[[], T], seconds: float, what: str, say: Say | None) -> T:
    """What ``work`` gives, done in a thread. Raises whatever it raises, and SilenceError where patience ends."""
    made: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def do() -> None:
        try:
            made.put((work(), None))
        except BaseException as error:  # raised where the work is asked for
            made.put((None, error))

    # A daemon: an interpreter that ends waits for every other thread, and so for one that hangs.
    threading.Thread(target=copy_context().run, args=(do,), name=what, daemon=True).start()
    result, error = awaited(made, seconds, what, say)
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
