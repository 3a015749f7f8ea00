"""Times of short work, apart from collections of what else the process holds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unwalked() -> Iterator[None]:
    """What the process holds by now, torch above all, is not walked over within the block: that takes 80 ms, at any
    time."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
