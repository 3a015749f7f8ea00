"""Processes that are started together find each other, whoever was killed before them and whatever that one left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

import pytest
from torch.distributed import HashStore

from gan_recipe.distributed.joining import place_of_the_living
from gan_recipe.errors import RunError


def world(store: HashStore, count: int, *, late: Sequence[int] = (), dead: Sequence[int] = ()) -> list[str | RunError]:
    """What each of ``count`` processes gets: those in ``dead`` were killed before they began, ``late`` ones lag."""
    found: list[str | RunError] = [RunError("killed")] * count

    def process(rank: int) -> None:
        if rank in dead:
            return
        time.sleep(0.15 if rank in late else 0.0)
        try:
            found[rank] = place_of_the_living(store, rank, count, 0.4 if dead else 20)
        except RunError as error:
            found[rank] = error

    threads = [threading.Thread(target=process, args=(rank,)) for rank in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.parametrize("late", [(), (0,), (1,), (0, 2)])
def test_the_living_meet_where_the_dead_have_been(late: Sequence[int]) -> None:
    """One store, as torchrun keeps it: after each way to die, three processes share a place that nobody had before."""
    store = HashStore()
    places = set()
    for dead in ((), (0,), (2,), (1, 2), (), ()):
        found = world(store, 3, dead=dead, late=late)
        if dead:
            assert all(isinstance(each, RunError) for each in found)
            found = world(store, 3, late=late)
        (place,) = set(found)
        assert isinstance(place, str) and place not in places
        places.add(place)


def test_who_did_not_come_is_named() -> None:
    """By the first process, whether another has never come or has only been there in an earlier life."""
    store = HashStore()
    assert "process 1, 2 did not come within 0.4 s" in str(world(store, 3, dead=(1, 2))[0])
    world(store, 3)
    assert "process 1 did not come within 0.4 s" in str(world(store, 3, dead=(1,))[0])


@pytest.mark.slow
def test_a_connection_that_is_never_made_ends_in_bounded_time() -> None:
    """Gloo waits for ever for a process that has come and does not connect; no longer than patience lasts, here 4 s."""
    joins = "from gan_recipe.distributed.joining import joined\nwith joined(): pass"
    stays = "import time, torch.distributed as dist\ndist.init_process_group = lambda *a, **k: time.sleep(60)\n" + joins
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = []
    for rank, text in enumerate((stays, joins)):
        ours = {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        env = {**os.environ, **ours, "GAN_RECIPE_PATIENCE": "4", "OMP_NUM_THREADS": "1"}
        both.append(subprocess.Popen([sys.executable, "-c", text], env=env, stderr=subprocess.PIPE, text=True))
    for rank, process in enumerate(both):
        told = process.communicate(timeout=60)[1]
        assert process.returncode == 1
        assert f"Process {rank} failed: the processes cannot be joined: no connection to all others within 4 s" in told
