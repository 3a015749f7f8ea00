"""Data on its way: a source that hangs, or whose worker dies, ends a run in bounded time and loses none of it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from test_training import TINY, files, train

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.launch import resume
from gan_recipe.engine.stream import Stream
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError, UserError
from gan_recipe.language.check import check
from gan_recipe.runs.run_folder import checkpoint_rounds, find_run


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_RECIPE_PATIENCE", "1")
    (tmp_path / "tiny.toml").write_text(TINY)


@pytest.fixture
def hang(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """An open(2) that does not return: of a pipe that nobody writes to."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    hung: list[threading.Thread] = []

    def open_it() -> None:
        hung.append(threading.current_thread())
        pipe.open().close()

    yield open_it
    both = os.open(pipe, os.O_RDWR)
    for thread in hung:
        thread.join(10)
    os.close(both)
    assert not any(thread.is_alive() for thread in hung)


def at(position: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch, of: str = "faces") -> None:
    """While the data ``of`` makes a batch, it does ``act``."""
    part = Stream._part

    def made(self: Stream, name: str, at: int, size: int) -> object:
        made = part(self, name, at, size)
        if (name, at) == (of, position):
            act()
        return made

    monkeypatch.setattr(Stream, "_part", made)


def test_data_that_hangs_ends_the_run_and_costs_it_nothing(
    hang: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The data, the batch and the time are told, and the run resumes to the bytes of one never disturbed."""
    whole = train().folder
    with monkeypatch.context() as patch:
        at(6, hang, patch)
        begun = time.monotonic()
        with pytest.raises(RunError, match=r"data\.faces has not made batch 6 within 1 s.*GAN_RECIPE_PATIENCE"):
            train(name="hung")
        assert time.monotonic() - begun < 20
    folder = find_run("hung")
    told = folder.describe()
    assert told["outcome"] == "failed" and "has not made batch 6" in told["why"] and checkpoint_rounds(folder) == [4]
    assert files(resume("hung", Registry.installed(), QuietScreen()).folder) == files(whole)


def test_data_that_hangs_before_the_first_round_or_at_held_out_samples_is_told_too(
    hang: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is written in the first case."""
    training = Training(check("tiny.toml"))
    at(0, hang, monkeypatch, of="noise")
    with pytest.raises(RunError, match="has not made batch 0 within 1 s"):
        train()
    assert not Path("runs").exists()
    with training.averaged(), pytest.raises(RunError, match="has not made batch 0 within 1 s"):
        training.values(training.recipe.columns, 4)


def test_a_sources_worker_that_is_killed_ends_the_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the data and the batch, as for data that cannot be read."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        at(6, lambda: pool.submit(os.kill, pool.submit(os.getpid).result(), signal.SIGKILL).result(), monkeypatch)
        with pytest.raises(RunError, match=r"data\.faces: .* failed at batch 6: BrokenProcessPool: A process"):
            train()


@pytest.mark.parametrize("stated", ["soon", "0", "-3", "nan", "1e9"])
def test_a_patience_that_is_none_is_told(stated: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With what was expected."""
    monkeypatch.setenv("GAN_RECIPE_PATIENCE", stated)
    with pytest.raises(UserError, match=f"is '{stated}'; expected seconds, from 1 to 1000000"):
        train()
