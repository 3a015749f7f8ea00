"""A stopped run is a resumable run: signals, jobs that a cluster restarts, one writer for a folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from screens import Heard

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.stopping import Stop, StoppedAtOnce, asked_to_stop
from gan_recipe.errors import BusyError, UserError
from gan_recipe.language.recipe import Recipe
from gan_recipe.loop import train as train_module
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.history import history
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds, find_run

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 138)]
COMMAND = [sys.executable, "-c", "from gan_recipe.cli import main; main()"]


@pytest.fixture(autouse=True)
def recipe(ring: str, write: Callable[..., str]) -> None:
    write(ring)


class Watching(Heard):
    """Does something when a round has been trained, and keeps what is said."""

    def __init__(self, at: Mapping[int, Callable[[], None]] | None = None) -> None:
        super().__init__()
        self.at = at or {}

    def round(self, done: int) -> None:
        if act := self.at.get(done):
            act()


def sound(*overrides: str) -> Recipe:
    return check("ring.toml", overrides)


def train(screen: QuietScreen | None = None, *overrides: str) -> Outcome:
    return start(sound(*overrides), Registry.installed(), screen or QuietScreen())


def kill(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def what_must_be_equal(folder: RunFolder) -> dict[str, bytes]:
    kept = [*folder.path.glob("sheets/*.png"), folder.metrics, *folder.checkpoints.glob("00000006/*")]
    return {path.relative_to(folder.path).as_posix(): path.read_bytes() for path in kept}


@pytest.mark.parametrize("number", [number for number, _ in SIGNALS])
def test_a_signal_finishes_the_round_and_saves_it(number: int) -> None:
    """Whichever of the three: a checkpoint of that very round, and the resumed run equals one never stopped."""
    whole = train().folder
    before = signal.getsignal(number)
    outcome = train(Watching({3: kill(number)}))
    assert (outcome.how, outcome.round, outcome.signal) == ("stopped", 3, number)
    assert checkpoint_rounds(outcome.folder) == [3] and outcome.folder.describe()["outcome"] == "stopped"
    assert signal.getsignal(number) is before
    ended = resume(outcome.folder.name, Registry.installed(), QuietScreen())
    assert ended.how == "done" and what_must_be_equal(ended.folder) == what_must_be_equal(whole)


def test_a_second_signal_stops_at_once_and_leaves_the_last_checkpoint() -> None:
    """Nothing is saved any more, the folder is free again, and the run goes on from what it had."""

    def twice() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StoppedAtOnce) as stopped:
        train(Watching({3: twice}), "run.checkpoint_every=2")
    assert stopped.value.number == signal.SIGINT
    folder = find_run("ring")
    assert checkpoint_rounds(folder) == [2] and folder.describe()["outcome"] == "stopped"
    assert not folder.is_being_written()
    assert resume("ring", Registry.installed(), QuietScreen()).how == "done"


def test_after_the_second_signal_a_third_cannot_be_held_up() -> None:
    """Signals have their plain effect again, so that a process which hangs while it ends can be ended."""
    before = signal.getsignal(signal.SIGTERM)
    with asked_to_stop() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop == Stop(asked=signal.SIGTERM)
        with pytest.raises(StoppedAtOnce):
            os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGTERM) is before


def test_while_the_figures_are_taken_one_signal_is_enough() -> None:
    """Everything is saved by then. Resumed, the figures are taken again and are on file once."""
    whole = train().folder
    from gan_recipe.loop import train as training

    measure = training.measure
    with pytest.MonkeyPatch.context() as patch, pytest.raises(StoppedAtOnce):
        patch.setattr(training, "measure", lambda *of, **how: kill(signal.SIGTERM)() or measure(*of, **how))
        train()
    folder = find_run("ring")
    assert folder.describe()["outcome"] == "stopped" and checkpoint_rounds(folder)[-1] == 6
    assert resume("ring", Registry.installed(), QuietScreen()).how == "done"
    assert what_must_be_equal(folder) == what_must_be_equal(whole)


def test_figures_that_were_written_before_the_end_was_noted_are_not_written_twice() -> None:
    """A kill between the last line and ``run.json``: the line is cut off and written again."""
    folder = train().folder
    before = what_must_be_equal(folder)
    folder.write_description({**folder.describe(), "outcome": "running"})
    resume("ring", Registry.installed(), QuietScreen())
    assert what_must_be_equal(folder) == before


def test_a_run_without_a_checkpoint_begins_again_in_its_folder() -> None:
    """Nothing was lost that is not a function of the seed, and it is said."""
    whole = train().folder
    folder = train().folder
    folder.write_description({**folder.describe(), "outcome": "running", "round": 0})
    shutil.rmtree(folder.checkpoints)
    screen = Watching()
    ended = resume(folder.name, Registry.installed(), screen)
    assert any("before its first checkpoint: it begins again" in text for text in screen.said)
    assert what_must_be_equal(ended.folder) == what_must_be_equal(whole)


def test_resume_or_start_is_one_command_for_a_job_and_all_its_restarts() -> None:
    """It starts, goes on after a stop, and says that it is done; another recipe is another run."""
    registry = Registry.installed()

    def job(screen: Watching, *overrides: str) -> Outcome:
        return start(sound(*overrides), registry, screen, resume_or_start=True)

    first = job(Watching({2: kill(signal.SIGUSR1)}))
    assert (first.folder.name, first.how, first.round) == ("ring/1", "stopped", 2)
    second = job(Watching({4: kill(signal.SIGUSR1)}))
    assert (second.folder.name, second.how, second.round) == ("ring/1", "stopped", 4)
    third = job(Watching())
    assert (third.folder.name, third.how, third.round) == ("ring/1", "done", 6)
    screen = Watching()
    fourth = job(screen)
    assert (fourth.folder.name, fourth.how, fourth.round) == ("ring/1", "done", 6)
    assert fourth.figures == third.figures and screen.said == ["ring/1 is done already"]
    assert job(Watching(), "run.seed=5").folder.name == "ring/2"
    assert job(Watching()).folder.name == "ring/1"
    named = start(sound(), registry, QuietScreen(), name="ring/7", resume_or_start=True)
    assert named.folder.name == "ring/7"
    with pytest.raises(UserError, match="is no name for a run"):
        start(sound(), registry, QuietScreen(), name="../ring", resume_or_start=True)


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_is_a_day_off_changes_nothing(days: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between start and resume the clock jumps, and every file tells the wrong time: all goes by rounds and numbers."""
    plan = ("run.checkpoint_every=1", "run.observers=['tensorboard']")
    whole = train(None, *plan).folder
    run = train(Watching({4: kill(signal.SIGTERM)}), *plan).folder
    elsewhen = time.time() + days * 86_400
    monkeypatch.setattr(time, "time", lambda: elsewhen)
    monkeypatch.setattr(train_module, "now", lambda: datetime.fromtimestamp(elsewhen, UTC).isoformat())
    # The newest round has the oldest files.
    for number, path in enumerate(sorted(run.path.rglob("*"))):
        os.utime(path, (elsewhen - number * 3_600, elsewhen - number * 3_600))
    screen = Watching()
    outcome = resume(run.name, Registry.installed(), screen)
    assert f"building {run.name} as it was before round 4" in screen.said
    assert outcome.how == "done" and checkpoint_rounds(run) == [5, 6]
    assert what_must_be_equal(run) == what_must_be_equal(whole)
    assert [entry.run.name for entry in history()] == ["ring/1", "ring/2"]
    assert find_run("ring") == run


def test_a_run_that_is_being_trained_is_not_trained_twice() -> None:
    """Neither by --resume nor by --resume-or-start; the one that trains goes on undisturbed."""
    refused: list[int] = []

    def second() -> None:
        for again in (
            lambda: resume("ring", Registry.installed(), QuietScreen()),
            lambda: start(sound(), Registry.installed(), QuietScreen(), resume_or_start=True),
        ):
            with pytest.raises(BusyError, match="another process is training ring/1") as error:
                again()
            refused.append(error.value.exit_code)

    assert train(Watching({3: second})).how == "done"
    assert refused == [73, 73]


def test_the_command_line_exits_as_shells_expect(tmp_path: Path) -> None:
    """A real process and a real signal: the line that says how to go on, 143, and the list of runs."""
    words = ["run", "ring.toml", "-s", "run.rounds=100_000", "-s", "sheet.every=100_000"]
    process = subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, text=True)
    try:
        metrics = tmp_path / "runs" / "ring" / "1" / "metrics.jsonl"
        until = time.monotonic() + 60
        while not metrics.exists() and time.monotonic() < until:
            time.sleep(0.05)
        busy = subprocess.run([*COMMAND, "run", "--resume", "ring"], capture_output=True, text=True)
        assert busy.returncode == 73 and "another process is training ring/1" in busy.stderr
        process.terminate()
        out, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 143
    assert "Go on: gan-recipe run --resume ring/1" in out


def test_a_run_whose_process_is_gone_is_listed_as_killed(capsys: pytest.CaptureFixture[str]) -> None:
    """``running`` is what its description says for ever; whether somebody runs it, the lock tells."""
    from gan_recipe.cli.runs import runs

    folder = train().folder
    folder.write_description({**folder.describe(), "outcome": "running"})
    runs.main([], standalone_mode=False)
    folder.lock()
    runs.main([], standalone_mode=False)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split()[1] == "killed" and second.split()[1] == "running"
