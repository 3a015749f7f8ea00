"""Faults in small counts; ``measure.py`` makes the full ones. Each figure that counts a loss must be 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.files_damaged import broken_recipes, damaged_checkpoints, damaged_images
from faults.runs_struck import full_disks, full_shared_memory, kills, lost_folders, small_files, stops, unwritable
from faults.victims import Victims


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as victims:
        yield victims


@pytest.mark.faults
def test_a_run_that_is_killed_anywhere_resumes_and_ends_as_if_it_never_was(victims: Victims, tmp_path: Path) -> None:
    """kill -9 at seeded lines, a quarter of them inside a save."""
    figures = kills(victims, tmp_path, count=24, in_save=6, seed=1)
    assert figures["kills"] >= 24 and figures["inside a save"] >= 6
    assert figures["failed to resume"] == figures["runs that differ"] == 0


@pytest.mark.faults
def test_a_run_that_is_stopped_anywhere_saves_and_says_so(victims: Victims, tmp_path: Path) -> None:
    """SIGTERM in either move, in a save and in the loader: 143, resumed, equal."""
    figures = stops(victims, tmp_path, each=2, seed=1)
    assert figures["stops"] == 8
    assert {value for name, value in figures.items() if name != "stops"} == {0}


@pytest.mark.faults
def test_a_full_disk_is_told_and_loses_nothing(victims: Victims, tmp_path: Path) -> None:
    """On a tmpfs of seeded sizes; with room again, the run goes on to the same end."""
    try:
        figures = full_disks(victims, tmp_path, sizes=8, seed=1)
    except PermissionError as error:
        pytest.skip(f"no tmpfs can be mounted here: {error}")
    assert figures["ended without room"] > 0
    assert figures["of these not told"] == figures["failed to resume"] == figures["runs that differ"] == 0


@pytest.mark.faults
@pytest.mark.parametrize("blow", ["vanish", "read-only"])
def test_a_folder_that_is_lost_is_told_and_does_not_come_back(victims: Victims, tmp_path: Path, blow: str) -> None:
    """Exit code 1 and a sentence in bounded time; what is left resumes, and what is gone is not made anew by halves."""
    try:
        figures = lost_folders(victims, tmp_path, blow, each=2, seed=1)
    except PermissionError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    assert figures["runs"] == 8 and figures.pop("slowest in s") < 60
    assert {value for name, value in figures.items() if name != "runs"} == {0}


@pytest.mark.faults
def test_where_nothing_can_be_written_nothing_begins(victims: Victims, tmp_path: Path) -> None:
    """Exit code 2 for a new run and for one to be resumed, before any work and without a trace."""
    try:
        figures = unwritable(victims, tmp_path)
    except PermissionError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    assert figures.pop("runs") == 2 and set(figures.values()) == {0}, figures


@pytest.mark.faults
def test_nobody_needs_shared_memory(victims: Victims, tmp_path: Path) -> None:
    """A run in which nothing fits into /dev/shm ends as any other."""
    try:
        figures = full_shared_memory(victims, tmp_path)
    except PermissionError as error:
        pytest.skip(f"nothing can be mounted here: {error}")
    assert figures == {"runs": 1, "failed": 0, "runs that differ": 0}


@pytest.mark.faults
def test_a_file_that_may_not_grow_is_told_and_loses_nothing(victims: Victims, tmp_path: Path) -> None:
    """RLIMIT_FSIZE of seeded sizes, which fails other writes than a full disk does."""
    figures = small_files(victims, tmp_path, sizes=8, seed=1)
    assert figures["ended without room"] > 0
    assert figures["of these not told"] == figures["failed to resume"] == figures["runs that differ"] == 0


@pytest.mark.faults
def test_a_damaged_checkpoint_is_never_loaded(victims: Victims, tmp_path: Path) -> None:
    """Every file cut at 20 places, and 300 flipped bits: each is refused, and the file is named."""
    figures = damaged_checkpoints(victims, tmp_path, cuts=20, flips=300)
    assert figures["cuts"] >= 5 * 20 and figures["flips"] == 300
    assert figures["loaded wrong"] == figures["not named"] == 0


@pytest.mark.faults
def test_broken_recipes_are_told_in_no_time(tmp_path: Path) -> None:
    """No traceback, every problem with its place, and each check below 100 ms of CPU."""
    figures = broken_recipes(tmp_path, count=600, seed=1)
    assert figures["refused"] > 300
    assert figures["tracebacks"] == figures["not placed"] == figures["slower than 100 ms"] == 0


@pytest.mark.faults
def test_damaged_images_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder opens, bombs are not decoded, and batches have their shapes."""
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path / "cache"))
    figures = damaged_images(tmp_path / "images", count=80, seed=1)
    assert figures["tracebacks"] == figures["wrong shapes"] == 0 and figures["seconds"] < 60
