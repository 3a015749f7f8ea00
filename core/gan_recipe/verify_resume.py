"""Whether a recipe resumes exactly: trained straight and with stops, in fresh processes, and compared bit by bit."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from gan_recipe.check import check_file
from gan_recipe.errors import RunError
from gan_recipe.recipe_file import load
from gan_recipe.registry import Registry
from gan_recipe.resume_difference import Difference, TrialRun, difference, differing_fields

#: How a stop comes: asked for, or not to be caught. They alternate.
_SIGNALS = (signal.SIGTERM, signal.SIGKILL)


@frozen
class Trial:
    """What one process has to do."""

    recipe: str
    overrides: Sequence[str]
    #: Where its run lies; one that exists is resumed.
    root: Path
    #: The file of digests that it appends to.
    notes: Path
    device: str = "cpu"
    metrics: bool = False
    #: The round after which it is stopped, and how; None trains to the end.
    stop: int | None = None
    signal: int = signal.SIGTERM
    #: Batches to make in this order, instead of training.
    data: Sequence[int] = ()


@frozen
class Verdict:
    """What ``verify`` found."""

    rounds: int
    stops: tuple[tuple[int, str], ...]
    #: How much was compared.
    tensors: int
    lines: int
    sheets: int
    difference: Difference | None = None


Launch = Callable[[Trial], tuple[int, str]]


def in_a_fresh_process(trial: Trial) -> tuple[int, str]:
    """Carry a trial out; how its process ended, and what it wrote to stderr."""
    told = json.dumps({**asdict(trial), "root": str(trial.root), "notes": str(trial.notes)})
    command = [sys.executable, "-m", "gan_recipe.trial", told]
    # Its stdin is a line to us: when we are killed, it ends too.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
    return process.returncode, errors


def verify(
    stated: str,
    overrides: Iterable[str] = (),
    *,
    rounds: int = 12,
    stops: int = 3,
    device: str = "cpu",
    metrics: bool = False,
    say: Callable[[str], None] = lambda text: None,
    launch: Launch = in_a_fresh_process,
) -> Verdict:
    """Train ``rounds`` rounds straight and with ``stops`` stops, each half in a fresh process, and compare.

    Raises RecipeError for a recipe that is not sound, and RunError when a process fails that should not.
    """
    registry = Registry.installed()
    given = [*overrides, f"run.rounds={rounds}", "run.checkpoint_every=1", "run.keep=2", "run.observers=[]"]
    # Lines of figures that span a stop, and sheets on both sides of one.
    given += [f"run.log_every={max(1, rounds // 4)}", "run.measure_every=0"]
    if "sheet" in load(stated, overrides).tables:
        given.append(f"sheet.every={max(1, rounds // 3)}")
    recipe = check_file(load(stated, given), registry)
    at = sorted({max(1, round * rounds // (stops + 1)) for round in range(1, stops + 1)})
    planned = [(round, _SIGNALS[index % 2]) for index, round in enumerate(at)]
    folder = Path(tempfile.mkdtemp(prefix="gan-recipe-verify-"))

    def trial(run: TrialRun, **more: Any) -> None:
        trial = Trial(stated, given, run.root, run.notes, device, metrics, **more)
        code, errors = launch(trial)
        if code not in (0, -trial.signal) or (code and trial.stop is None):
            last = errors.strip().rpartition("\n")[2] or f"exit code {code}"
            raise RunError(f"a process of the trial failed, so that nothing can be said: {last}")

    try:
        straight, stopped = (TrialRun(folder / name, folder / f"{name}.jsonl") for name in ("straight", "stopped"))
        say(f"training {rounds} rounds straight")
        trial(straight)
        for round, number in planned:
            say(f"training on to round {round}, and {_ending(number)}")
            trial(stopped, stop=round, signal=number)
        say("training on to the end")
        trial(stopped)
        forward, backward = (TrialRun(folder / name, folder / f"{name}.jsonl") for name in ("forward", "backward"))

        def data_differs() -> list[str]:
            say("looking for the cause: making the batches in another order")
            trial(forward, data=list(range(rounds)))
            trial(backward, data=list(reversed(range(rounds))))
            return differing_fields(forward, backward)

        found = difference(recipe, straight, stopped, at, data_differs)
        return Verdict(
            rounds,
            tuple((round, signal.Signals(number).name) for round, number in planned),
            len([key for found in dict(straight.digests()).values() for key in found if not key.startswith("state/")]),
            len(straight.lines()),
            len(straight.sheets()),
            found,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ending(number: int) -> str:
    return "killed there" if number == signal.SIGKILL else "asked to stop there"
