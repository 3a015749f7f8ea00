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
import signal
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from gan_recipe.distributed.patience import patience as stated_patience
from gan_recipe.distributed.processes import Processes
from gan_recipe.distributed.waiting import ALONE, Waiting
from gan_recipe.errors import RunError

if TYPE_CHECKING:
    from torch.distributed.distributed_c10d import Store

_CAME, _WORLD = "gan-recipe/came/{}", "gan-recipe/world"
_LOOK_EVERY = 0.02
# After the launcher's death: how long until that is seen, and how long a process may then take to save and end.
_LOOK_UP_EVERY = 0.25
_GRACE = 2.5


@contextmanager
def joined() -> Iterator[Processes | None]:
    """The processes that ``torchrun`` started together with this one; None where it did not, or started one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield None
        return
    import torch.distributed as dist

    # Its functions take the group that there is at their import as a default, and keep it for ever: see `Processes`.
    import torch.distributed.nn.functional
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    patience = stated_patience()
    bound, long = timedelta(seconds=patience), timedelta(seconds=max(ALONE, patience))
    _end_with_the_launcher()
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    try:
        store, rank, count = next(rendezvous("env://", timeout=bound))
        store = PrefixStore(place_of_the_living(store, rank, count, patience), store)
        with _bounded(patience):
            dist.init_process_group(backend, store=store, rank=rank, world_size=count, timeout=bound)
            patient = dist.new_group(backend="gloo", timeout=long)
    except (ValueError, RuntimeError) as error:
        raise RunError(f"the processes cannot be joined: {str(error).partition(chr(10))[0]}") from error
    assert isinstance(patient, dist.ProcessGroup)
    waiting = Waiting(PrefixStore("gan-recipe", store), rank, count, patience)
    processes = Processes(rank, count, int(os.environ.get("LOCAL_RANK", "0")), patient, waiting)
    del patient
    yield processes
    # Only where all went well: one that waits here for a process that failed would wait for long.
    processes.end_together()


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
def _bounded(patience: float) -> Iterator[None]:
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


def _end_with_the_launcher() -> None:
    """A launcher that is killed leaves nobody who would end this process: notice, stop as if asked to, then insist."""
    launcher = os.getppid()

    def watch() -> None:
        while os.getppid() == launcher:
            time.sleep(_LOOK_UP_EVERY)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=watch, name="launcher", daemon=True).start()
