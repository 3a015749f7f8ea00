"""Data on its way: a source that hangs, or whose worker dies, ends a run in bounded time and loses none of it."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from screens import Heard
from test_processes import TREATED
from test_training import TINY, files, train

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine import waiting_for_data
from gan_recipe.engine.stream import Stream
from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError, RunError, UserError
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import checkpoint_rounds, find_run
from gan_recipe.signs_of_life import last_progress, progress
from gan_recipe_plugins._array_store import stored_array
from gan_recipe_plugins._faces import store
from gan_recipe_plugins.toy_2d import Toy2D


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
    """With what was expected; no line of a recipe is to blame."""
    monkeypatch.setenv("GAN_RECIPE_PATIENCE", stated)
    with pytest.raises(UserError, match=rf"^\$GAN_RECIPE_PATIENCE is '{stated}'; expected seconds, from 1 to 1000000"):
        train()


# ------------------------------------------------------------------------------------------------- opening


def opening(act: Callable[[], None], monkeypatch: pytest.MonkeyPatch, *, held_out: bool = False) -> None:
    """Before the data ``faces`` opens that part of it, it does ``act``."""
    open_it = Toy2D.open

    def opened(self: Toy2D, *, held_out: bool = False) -> object:
        if held_out == part:
            act()
        return open_it(self, held_out=held_out)

    part = held_out
    monkeypatch.setattr(Toy2D, "open", opened)


@pytest.mark.parametrize("held_out", [False, True])
def test_data_that_never_opens_is_told_in_bounded_time(
    held_out: bool, hang: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a single process, with the data's name; nothing is written. While it lasts a person is told."""
    monkeypatch.setattr(waiting_for_data, "_TELL_AFTER", 0.3)
    opening(hang, monkeypatch, held_out=held_out)
    screen, begun = Heard(), time.monotonic()
    with pytest.raises(RunError, match=r"data\.faces has not opened within 1 s.*GAN_RECIPE_PATIENCE"):
        start(check("tiny.toml", ["sheet.columns=['faces.point']"]), Registry.installed(), screen)
    assert time.monotonic() - begun < 10 and not Path("runs").exists()
    assert "waiting for data.faces to open, 0 s so far" in screen.said


def test_what_an_opening_raises_is_told_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the recipe's line, though it happened in a thread."""

    def fail() -> None:
        raise ValueError("no such people")

    opening(fail, monkeypatch)
    with pytest.raises(RecipeError, match=r"tiny\.toml:\d+: data\.faces: no such people"):
        train()


def test_whoever_is_slow_and_says_how_far_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds where one is the patience, with a sign of life at each tenth; and the same sign again is none."""
    monkeypatch.setattr(waiting_for_data, "_TELL_AFTER", 0.5)

    def slow(moves: bool) -> Callable[[], None]:
        def work() -> None:
            for done in range(20):
                progress("sorting", done if moves else 7, 20)
                time.sleep(0.1)

        return work

    with monkeypatch.context() as patch:
        opening(slow(True), patch)
        screen = Heard()
        Training(check("tiny.toml"), say=screen.say)
        assert screen.said[0].startswith("waiting for data.faces to open, ") and ": sorting, " in screen.said[0]
    opening(slow(False), monkeypatch)
    with pytest.raises(RunError, match="has not opened within 1 s"):
        Training(check("tiny.toml"))


def test_a_slow_first_rendering_is_never_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Faces take four times the patience to render before the first round, and the run is told how far they are."""
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path / "cold"))
    monkeypatch.setattr(waiting_for_data, "_TELL_AFTER", 0.5)
    monkeypatch.setattr(waiting_for_data, "_TELL_EVERY", 0.5)
    monkeypatch.setattr(store, "_threads", lambda: 1)
    portrait = store.portrait

    def slow(*given: int) -> object:
        time.sleep(0.6)
        return portrait(*given)

    monkeypatch.setattr(store, "portrait", slow)
    screen, begun = Heard(), time.monotonic()
    Path("treated.toml").write_text(TREATED)
    recipe = check("treated.toml", ["data.faces.identities=8"])
    Training(recipe, say=screen.say)
    assert time.monotonic() - begun > 2
    assert any("to make a batch" in said and ": rendering people, " in said for said in screen.said), screen.said


def test_what_another_run_makes_is_waited_for_while_it_grows(tmp_path: Path) -> None:
    """The lock is another's, and its file grows: for as long as it does there is progress."""
    path = tmp_path / "array.bin"
    with path.with_suffix(".lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        path.with_suffix(".part").write_bytes(b"12")
        made: list[object] = []
        other = threading.Thread(
            target=lambda: made.append(stored_array(path, (2,), lambda append: append(np.zeros(2, np.uint8)) or {}))
        )
        other.start()
        for size in (3, 4):
            begun = time.monotonic()
            path.with_suffix(".part").write_bytes(b"1" * size)
            while not (last_progress()[0] > begun and last_progress()[1].endswith(f"bytes, {size}")):
                assert time.monotonic() - begun < 5
                time.sleep(0.02)
        path.with_suffix(".part").unlink()
    other.join(10)
    assert made


HUNG_POOL = """
import os, sys
from concurrent.futures import ThreadPoolExecutor
from gan_recipe.cli import main
from gan_recipe_plugins.toy_2d import Toy2D

def hung(self, *, held_out=False):
    with ThreadPoolExecutor(1) as pool:
        pool.submit(lambda: open("pipe")).result()

os.mkfifo("pipe")
Toy2D.open = hung
sys.argv = ["gan-recipe", "run", "tiny.toml"]
main()
"""


def test_a_thread_that_hangs_holds_no_process_up() -> None:
    """Not even one of a pool, for which an interpreter that ends would wait: it is told, and the exit code is 1."""
    done = subprocess.run([sys.executable, "-c", HUNG_POOL], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "data.faces has not opened within 1 s" in done.stderr, done.stderr
    assert "building and rehearsing" in done.stdout


class CountsThreads:
    """A source that tells how many threads torch takes where it makes its batches."""

    fingerprint = ""

    def batch(self, seed: int, position: int, size: int, fields: object) -> dict[str, torch.Tensor]:
        torch.ones(2**20).add_(1)  # enough work to be shared
        return {"threads": torch.full((size,), torch.get_num_threads())}


def test_batches_are_made_by_one_thread_beside_the_loops() -> None:
    """On a CPU: two teams of threads on the same cores would wait for each other. All other threads keep theirs."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        stream = Stream({"s": CountsThreads()}, ["s.threads"], batch=1, seed=0, device="cpu", channels_last=False)
        others = []
        with stream.ahead(0, 4) as batches:
            found = [int(batch["s.threads"]) for batch in batches]
            another = threading.Thread(target=lambda: others.append(torch.get_num_threads()))
            another.start()
            another.join()
        assert found == [1, 1, 1, 1]
        assert others == [3] and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
