"""How processes that were started together find each other, and only each other.

``torchrun`` keeps one store through all restarts, and gloo leaves its addresses there. Whoever of the restarted looks
before the others have written finds the addresses of the dead: it is refused, or waits for ever, whatever timeout was
asked for (torch 2.14: 7 of 8 tries with one process 2 s late, 2 of them for ever). So the living first agree on a place
in the store where nobody wrote before. The number of the restart would not do as its name: machines count for
themselves, and a machine that joins or leaves restarts all without counting.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gan_recipe.errors import RunError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_CAME, _WORLD = "gan-recipe/came/{}", "gan-recipe/world"
_LOOK_EVERY = 0.02


def place_of_the_living(store: Store, rank: int, count: int, patience: float) -> str:
    """A prefix for keys that the ``count`` processes which call this now share, and no earlier ones did.

    Each writes a name that nobody had. The first calls a world by the names that it finds, and by new ones when they
    are replaced; it counts only once every process has found its own name in it, which the dead cannot do.
    Raises RunError when they are not together within ``patience`` seconds.
    """
    name = uuid.uuid4().hex
    store.set(_CAME.format(rank), name)
    until = time.monotonic() + patience
    while time.monotonic() < until:
        names = _called(store, count) if rank == 0 else _heard(store)
        if names and names[rank] == name:
            place = _place(names)
            store.set(f"{place}/{rank}", "found")
            if rank == 0 and store.check([f"{place}/{each}" for each in range(count)]):
                store.set(f"{place}/go", "go")
            if store.check([f"{place}/go"]):
                return place
        time.sleep(_LOOK_EVERY)
    raise RunError(f"the processes cannot be joined: {_missing(store, rank, count)} within {patience:g} s")


@contextmanager
def bounded(patience: float) -> Iterator[None]:
    """End this process when the block takes longer: gloo, once it waits for a connection, hears no timeout."""

    def end() -> None:
        rank = os.environ.get("RANK", "0")
        told = f"Process {rank} failed: the processes cannot be joined: no connection to all others"
        print(f"{told} within {patience:g} s", file=sys.stderr, flush=True)
        os._exit(RunError.exit_code)

    watchdog = threading.Timer(patience, end)
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()


def _called(store: Store, count: int) -> list[str] | None:
    """The world by the names that processes have now, told to all; None while some have never come."""
    keys = [_CAME.format(each) for each in range(count)]
    if not store.check(keys):
        return None
    names = [store.get(key).decode() for key in keys]
    store.set(_WORLD, json.dumps(names))
    return names


def _heard(store: Store) -> list[str] | None:
    names: list[str] | None = json.loads(store.get(_WORLD)) if store.check([_WORLD]) else None
    return names


def _place(names: list[str]) -> str:
    return f"gan-recipe/{hashlib.sha256(''.join(names).encode()).hexdigest()[:32]}"


def _missing(store: Store, rank: int, count: int) -> str:
    if rank:
        return "the first did not find all of them"
    names = _heard(store)
    if names is None:
        missing = [each for each in range(count) if not store.check([_CAME.format(each)])]
    else:
        missing = [each for each in range(count) if not store.check([f"{_place(names)}/{each}"])]
    return f"process {', '.join(map(str, missing))} did not come"
