"""Random numbers as functions of names and positions, so that no generator's state need ever be stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derived_seed(*parts: object) -> int:
    """A 63-bit seed from anything that prints the same everywhere."""
    return Seeds(*parts[:-1])(parts[-1])


class Seeds:
    """``derived_seed`` for parts of which only the last changes: what the others come to is worked out once."""

    def __init__(self, *first: object) -> None:
        self._begun = hashlib.sha256("".join(f"{part}\0" for part in first).encode())

    def __call__(self, last: object) -> int:
        digest = self._begun.copy()
        digest.update(str(last).encode())
        return int.from_bytes(digest.digest()[:8], "little") >> 1


@contextmanager
def seeded(*parts: object) -> Iterator[None]:
    """Torch's generators seeded from ``parts`` within the block, and as they were after it."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(derived_seed(*parts))
        yield
