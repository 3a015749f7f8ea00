"""How many threads a run takes."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import torch

from gan_recipe.engine.hardware import use_available_cores


@pytest.fixture(autouse=True)
def threads_as_they_were(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_a_run_takes_no_more_threads_than_cores_that_it_may_use() -> None:
    """Affinity bounds them, and torch is told."""
    threads = use_available_cores()
    assert 1 <= threads <= len(os.sched_getaffinity(0))
    assert torch.get_num_threads() == threads


def test_fewer_threads_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """OMP_NUM_THREADS lowers their number and never raises it; what is no number counts for nothing."""
    most = use_available_cores()
    for stated, taken in (("1", 1), ("1000", most), ("0", most), ("many", most), ("", most)):
        monkeypatch.setenv("OMP_NUM_THREADS", stated)
        assert use_available_cores() == taken


def test_what_torchrun_states_for_want_of_anything_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sets OMP_NUM_THREADS to 1 for each of several processes; they share the cores all the same."""
    most = use_available_cores()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert use_available_cores() == max(1, most // 2)
