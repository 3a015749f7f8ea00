"""Waiting for data in bounded time: told while it lasts, and ended where nothing moves any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

from attrs import frozen

from gan_recipe.distributed.patience import patience
from gan_recipe.errors import HangError
from gan_recipe.signs_of_life import last_progress

T = TypeVar("T")

Say = Callable[[str], None]

# Seconds of waiting until a person is told of it, and between two tellings. Data that has come once and is slow, batch
# after batch, is told of when it is slower than usual data ever is.
_TELL_AFTER, _TELL_LATE, _TELL_EVERY = 5.0, 60.0, 15.0


@frozen
class Wait:
    """A wait for what a thread does. Progress counts as life: whoever works, however slowly, is waited for."""

    #: How long without a sign of life.
    seconds: float
    #: What is waited for, such as ``data.faces``; asked when it is told.
    source: Callable[[], str]
    #: What it is to do and has not done: "open" and "opened".
    to: str
    done: str
    say: Say | None
    #: Whether it has done the like before.
    again: bool = False

    def next(self, made: SimpleQueue[T]) -> T:
        """The next of the queue that the thread fills. Raises HangError."""
        try:
            return made.get_nowait()
        except Empty:
            pass
        begun = time.monotonic()
        tell_at = begun + (_TELL_LATE if self.again else _TELL_AFTER)
        while True:
            alive, progress = last_progress()
            now = time.monotonic()
            left = max(begun, alive) + self.seconds - now
            if left <= 0:
                raise HangError(
                    f"{self.source()} has not {self.done} within {self.seconds:g} s: it hangs, or is too slow and does "
                    "not say how far it is ($GAN_RECIPE_PATIENCE is how many seconds a run waits)"
                )
            if self.say is not None and now >= tell_at:
                how_far = f": {progress}" if alive > begun else ""
                self.say(f"waiting for {self.source()} to {self.to}, {now - begun:.0f} s so far{how_far}")
                tell_at = now + _TELL_EVERY
            try:
                return made.get(timeout=min(left, max(tell_at - now, 0.0)) if self.say is not None else left)
            except Empty:
                continue


def opened(open_it: Callable[[], T], source: str, say: Say | None) -> T:
    """What ``open_it`` gives, called in a thread. Raises whatever it raises, and HangError where patience ends."""
    wait = Wait(patience(), lambda: source, "open", "opened", say)
    made: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

    def do() -> None:
        try:
            made.put((open_it(), None))
        except BaseException as error:  # raised where it is waited for
            made.put((None, error))

    # A daemon: an interpreter that ends waits for every other thread, and so for one that hangs.
    threading.Thread(target=copy_context().run, args=(do,), name=source, daemon=True).start()
    result, error = wait.next(made)
    if error is not None:
        raise error
    return result  # type: ignore[return-value]
