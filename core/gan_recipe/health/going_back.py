"""Going back to a healthy checkpoint: which one that is, what is put away, and how a training is restored.

The decision is a line of ``recoveries.jsonl``, which is on the disk before anything else happens. What follows from it
can be done again from any point at which the process may have been killed, and comes out the same. The rounds that are
given up are kept in ``recovered/NUMBER``: their figures, verdicts and sheets.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from gan_recipe.components.registry import Registry
from gan_recipe.distributed.processes import by_first, together
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recovery_changes import changed
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.check_recipe import check_run
from gan_recipe.runs.checkpoint import BrokenCheckpointError, Checkpoint
from gan_recipe.runs.durable import replace_file, sync
from gan_recipe.runs.kept_checkpoints import is_regular, within_reach
from gan_recipe.runs.recoveries import Recovery, in_force, recoveries
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds
from gan_recipe.runs.verdicts import Told


class GoBack(Exception):
    """Training cannot usefully go on from here: it is to go on from the checkpoint of round ``to``."""

    def __init__(self, told: Told, to: int) -> None:
        super().__init__(told.verdict)
        self.told, self.to = told, to


# ------------------------------------------------------------------------------------------------- which checkpoint


def go_back_to(recipe: Recipe, folder: RunFolder, told: Told) -> int | None:
    """The round of the last checkpoint from before a verdict's first signs; None when it is kept no more.

    It lies a look before them, for whatever was seen then may have begun between two looks. Only regular checkpoints
    count: a run that was stopped and one that was not go back to the same.
    """
    since = told.round if told.since is None else told.since
    healthy = max(0, since - recipe.doctor.settings.every)
    regular = [round for round in checkpoint_rounds(folder) if is_regular(recipe, round)]
    return max((round for round in within_reach(recipe, regular) if round <= healthy), default=None)


# ------------------------------------------------------------------------------------------------- going there


def decide(folder: RunFolder, recipe: Recipe, registry: Registry, back: GoBack) -> Recovery:
    """Put the decision on file. Raises RunError."""
    recovery = recipe.recovery
    assert recovery is not None
    _, changes, _ = changed(in_force(folder), recovery, registry)
    made = Recovery(len(recoveries(folder)) + 1, back.told, back.to, tuple(changes), recovery.new_order)
    folder.add_recovery(made.line())
    return made


def carry_out(folder: RunFolder) -> None:
    """Put away what the run's last recovery gives up, if that is not done. Raises RunError."""
    done = recoveries(folder)
    if not done:
        return
    last = done[-1]
    try:
        _put_away(folder, last)
        for round in checkpoint_rounds(folder):
            before = checkpoints.recoveries_before(folder, round)
            if round > last.to and before is not None and before < last.number:
                checkpoints.discard(folder, round)
    except OSError as error:
        raise RunError(f"{folder.path} cannot go back to round {last.to}: {error}") from error


def _put_away(folder: RunFolder, recovery: Recovery) -> None:
    """Copy what was written after the checkpoint to ``recovered/NUMBER``, and take the sheets along."""
    final = folder.path / "recovered" / str(recovery.number)
    if not final.exists():
        try:
            lengths = checkpoints.load(folder, recovery.to).state["lengths"]
        except BrokenCheckpointError:
            lengths = {}  # what is given up is then more than is needed
        litter = final.with_name(f".{final.name}")
        shutil.rmtree(litter, ignore_errors=True)
        litter.mkdir(parents=True)
        for path in (folder.metrics, folder.verdicts):
            if path.exists():
                replace_file(litter / path.name, path.read_bytes()[lengths.get(path.name, 0) :])
        for sheet in _sheets_after(folder, recovery.to):
            shutil.copyfile(sheet, litter / sheet.name)
        os.replace(litter, final)
        sync(final.parent)
        for sheet in _sheets_after(folder, recovery.to):
            sheet.unlink()


def _sheets_after(folder: RunFolder, round: int) -> list[Path]:
    return [path for path in sorted(folder.sheets.glob("round-*.png")) if _round_of(path) > round]


def _round_of(sheet: Path) -> int:
    number = sheet.stem.removeprefix("round-")
    return int(number) if number.isdecimal() else 0


# ------------------------------------------------------------------------------------------------- from there on


def restored(training: Training, folder: RunFolder, checkpoint: Checkpoint) -> None:
    """Restore a checkpoint into a training of the run's recipe in force, with what has changed since it was made."""
    before = int(checkpoint.state.get("recoveries", 0))
    since = recoveries(folder)[before:]
    training.restore(checkpoint, [change for each in since for change in each.changes])
    training.is_back = bool(since)


def trained_anew(training: Training, folder: RunFolder, registry: Registry) -> tuple[Training, int]:
    """A training of the same run that stands where it went back to, and the round of that."""
    processes = training.processes

    def build() -> Training:
        recipe = check_run(folder, registry, starts=None)
        times = len(recoveries(folder))
        return Training(recipe, training.device, processes, order=order(folder), recoveries=times, say=training.say)

    again = together(processes, build)
    loaded: list[Checkpoint] = []

    def cut_back() -> int:
        loaded.append(checkpoints.load_newest(folder)[0])
        folder.cut_back(loaded[0].state["lengths"])
        return loaded[0].round

    round = by_first(processes, cut_back)
    restored(again, folder, loaded[0] if loaded else checkpoints.load(folder, round))
    again.join()
    return again, round


def order(folder: RunFolder) -> int:
    """How often the order of data has changed."""
    return sum(each.new_order for each in recoveries(folder))
