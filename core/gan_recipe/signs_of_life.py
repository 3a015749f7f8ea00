"""Signs of life of whoever takes long, such as data that decodes its images. No torch."""

from __future__ import annotations

import time

_said: tuple[float, str] = (float("-inf"), "")


def progress(what: str, done: int, total: int | None = None) -> None:
    """Say how far something is that takes long: ``what`` in a few words, such as "rendering people", and of how many.

    Data that is opened or makes a batch may call it from any of its threads, as often as it likes. A run waits
    ``$GAN_RECIPE_PATIENCE`` seconds for data; they are counted anew whenever what is said here has changed, and a
    person who waits is shown it.
    """
    global _said
    text = f"{what}, {done:,}" if total is None else f"{what}, {done:,} of {total:,}"
    if text != _said[1]:
        _said = (time.monotonic(), text)


def last_progress() -> tuple[float, str]:
    """When something was last said, by ``time.monotonic``, and what."""
    return _said
