"""What a process tells that has waited for the others in vain."""

from __future__ import annotations

import time
from threading import Event
from typing import cast

import pytest
from torch.distributed import HashStore, Store

from gan_recipe.distributed import waiting
from gan_recipe.distributed.waiting import Waiting
from gan_recipe.errors import RunError


class Unreachable:
    """A store on the other side of a network that is gone: whoever asks it waits without end."""

    def set(self, key: str, value: str) -> None:
        Event().wait()

    def check(self, keys: list[str]) -> bool:
        raise AssertionError("nobody comes so far")


def told(store: object) -> str:
    wait = Waiting(cast(Store, store), rank=0, count=2, patience=12)
    wait.round = 76
    with pytest.raises(RunError) as error, wait.for_("a sum"):
        raise RuntimeError("Timed out waiting 12000ms for recv operation to complete")
    return str(error.value)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "_OTHERS_TELL", 0.1)
    monkeypatch.setattr(waiting, "_STORE_ANSWERS", 0.3)


def test_a_store_that_cannot_be_reached_is_not_waited_for() -> None:
    """Where the network is gone the store is, too: the wait ends all the same, and says what may be."""
    began = time.monotonic()
    assert "or the network between them is" in told(Unreachable())
    assert time.monotonic() - began < 5


def test_who_did_not_come_is_named() -> None:
    """With the round, and with what was waited for."""
    assert told(HashStore()) == (
        "in round 76 this process has waited 12 s for a sum. Process 1 did not come: it hangs, or is far slower than "
        "the others"
    )


def test_all_that_wait_in_vain_wait_for_different_things() -> None:
    """Each has said that it waits: none hangs."""
    store = HashStore()
    store.set("waits/1", "in vain")
    assert "not for the same" in told(store)
