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

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, RunError
from gan_recipe.language.check import check_file
from gan_recipe.language.override import read
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.settable import settings_of
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.warm_start import existing
from gan_recipe.verify.resume_difference import Difference, TrialRun, differing_fields, explained, parting

#: How a stop comes: asked for, or not to be caught. They alternate.
_SIGNALS = (signal.SIGTERM, signal.SIGKILL)


@frozen
class Task:
    """What one process has to do."""

    recipe: str
    overrides: Sequence[str]
    overlays: Sequence[str]
    #: Where its run lies; one that exists is resumed.
    root: Path
    #: The file of digests that it appends to.
    notes: Path
    rounds: int
    checkpoint_every: int = 1
    device: str = "cpu"
    metrics: bool = False
    #: The round after which it is stopped, and how; None trains to the end.
    stop: int | None = None
    signal: int = signal.SIGTERM
    #: Batches to make in this order, instead of training.
    data: Sequence[int] = ()


@frozen
class Comparison:
    """What ``verify`` found."""

    rounds: int
    stops: tuple[tuple[int, str], ...]
    #: How much was compared.
    tensors: int
    lines: int
    sheets: int
    difference: Difference | None = None


Launch = Callable[[Task], tuple[int, str]]


def in_a_fresh_process(task: Task) -> tuple[int, str]:
    """Carry a task out; how its process ended, and what it wrote to stderr."""
    told = json.dumps({**asdict(task), "root": str(task.root), "notes": str(task.notes)})
    command = [sys.executable, "-m", "gan_recipe.verify.trial", told]
    # Its stdin is a line to us: when we are killed, it ends too.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        errors = process.stderr.read()
    return process.returncode, errors


def verify(
    stated: str,
    overrides: Iterable[str] = (),
    *,
    overlays: Iterable[str] = (),
    rounds: int = 12,
    stops: int = 3,
    device: str = "cpu",
    metrics: bool = False,
    say: Callable[[str], None] = lambda text: None,
    launch: Launch = in_a_fresh_process,
) -> Comparison:
    """Train ``rounds`` rounds straight and with ``stops`` stops, each half in a fresh process, and compare.

    Raises RecipeError for a recipe that is not sound, and RunError when a process fails that should not.
    """
    overrides, overlays = tuple(overrides), tuple(overlays)
    recipe = check(stated, overrides, overlays=overlays)
    at = sorted({max(1, round * rounds // (stops + 1)) for round in range(1, stops + 1)})
    planned = [(round, _SIGNALS[index % 2]) for index, round in enumerate(at)]
    folder = Path(tempfile.mkdtemp(prefix="gan-recipe-verify-"))

    def do(run: TrialRun, every: int, **more: Any) -> None:
        task = Task(stated, overrides, overlays, run.root, run.notes, rounds, every, device, metrics, **more)
        code, errors = launch(task)
        if code not in (0, -task.signal) or (code and task.stop is None):
            last = errors.strip().rpartition("\n")[2] or f"exit code {code}"
            raise RunError(f"a process of the trial failed, so that nothing can be said: {last}")

    def train_twice(every: int) -> tuple[TrialRun, TrialRun]:
        straight, stopped = (_run_in(folder, f"{name}-{every}") for name in ("straight", "stopped"))
        say(f"training {rounds} rounds straight, with a checkpoint every {every}")
        do(straight, every)
        for round, number in planned:
            say(f"training on to round {round}, and {_ending(number)}")
            do(stopped, every, stop=round, signal=number)
        say("training on to the end")
        do(stopped, every)
        return straight, stopped

    def data_differs() -> list[str]:
        say("looking for the cause: making the batches in another order")
        forward, backward = (_run_in(folder, name) for name in ("forward", "backward"))
        do(forward, 1, data=list(range(rounds)))
        do(backward, 1, data=list(reversed(range(rounds))))
        return differing_fields(forward, backward)

    try:
        every = max(1, rounds // 3)
        straight, stopped = train_twice(every)
        parted = parting(straight, stopped, at)
        if parted and every > 1:
            say("they differ; training again to find the very round")
            parted = parting(*train_twice(1), at) or parted
        return Comparison(
            rounds,
            tuple((round, signal.Signals(number).name) for round, number in planned),
            len([key for _, found in straight.digests() for key in found if not key.startswith("state/")]),
            sum(map(len, straight.lines().values())),
            len(straight.sheets()),
            explained(parted, recipe, data_differs) if parted else None,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def trial_recipe(task: Task, registry: Registry) -> Recipe:
    """The recipe in miniature: its whole plan, ramps and milestones included, in the trial's rounds.

    Raises RecipeError.
    """
    file, problems = read(task.recipe, task.overrides, task.overlays, settings_of(registry))
    if problems:
        raise RecipeError(problems)
    run = dict(file.tables["run"])
    scale = min(1.0, task.rounds / run["rounds"])
    # Lines of figures whose sums span a stop, and sheets on both sides of one.
    run |= {"rounds": max(run["rounds"], task.rounds), "scale": scale, "log_every": max(1, task.rounds // 4)}
    run |= {"checkpoint_every": round(task.checkpoint_every / scale), "keep": 2, "keep_at": []}
    file.tables["run"] = run | {"observers": [], "measure_every": 0}
    if "sheet" in file.tables:
        file.tables["sheet"] = file.tables["sheet"] | {"every": round(max(1, task.rounds // 3) / scale)}
    if not task.metrics:
        file.tables.pop("metrics", None)
    return check_file(file, registry, starts=existing)


def _run_in(folder: Path, name: str) -> TrialRun:
    return TrialRun(folder / name, folder / f"{name}.jsonl")


def _ending(number: int) -> str:
    return "killed there" if number == signal.SIGKILL else "asked to stop there"
