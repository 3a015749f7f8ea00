"""How much disk a run will use: counted from its recipe, and refused before it starts where there is not the room."""

from __future__ import annotations

import os
from pathlib import Path

from attrs import frozen

from gan_recipe.errors import UserError
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.kept_checkpoints import kept_checkpoints
from gan_recipe.runs.known_sizes import Sizes

# Measured on runs of d_supervised at 64 px: what a look of the doctor writes for each player and for the run, what a
# figure takes beside its name, an observer's events against the lines that they repeat, a report against its sheets.
_LOOK, _FIGURE = 310, 26
_EVENTS = 1.5
_REPORT, _REPORT_SHEETS, _REPORT_SHARE = 50_000, 24, 0.45
# The tensorboard observer's own bound.
_EVENT_SHEETS = 100


@frozen
class Kept:
    """What a run's folder will hold, by number."""

    #: Checkpoints when the run is done, and at most while it trains: a new one is whole before the oldest goes.
    checkpoints: int
    most_checkpoints: int
    sheets: int
    #: Lines of figures of the losses.
    lines: int

    def __str__(self) -> str:
        lines = f"{_many(self.lines, 'line')} of figures"
        return f"{_many(self.checkpoints, 'checkpoint')}, {_many(self.sheets, 'sheet')}, {lines} and a report"


def kept(recipe: Recipe) -> Kept:
    """What a run of ``recipe`` will keep."""
    run, checkpoints = recipe.run, kept_checkpoints(recipe)
    sheets = _times(run.rounds, recipe.sheet.every) + 1 if recipe.columns else 0
    return Kept(len(checkpoints.rounds), checkpoints.most, sheets, _times(run.rounds, run.log_every))


def foretold(recipe: Recipe, sizes: Sizes, folder: Path) -> str:
    """A line that tells what a run will have taken when it is done, and what is free where ``folder`` is or will be."""
    found, run = kept(recipe), recipe.run
    names = [f"{player.name}/{loss}" for player in recipe.players.values() for loss in player.losses]
    # Each loss is told raw and weighted: "player/weighted/loss" is nine letters longer.
    line = sum(2 * (len(name) + _FIGURE) + len("/loss/weighted") for name in names)
    looks = run.rounds // recipe.doctor.settings.every if recipe.doctor.settings.enabled else 0
    figures = found.lines * line + looks * (len(recipe.players) + 1) * _LOOK
    sheets = found.sheets * sizes.sheet
    events = len(run.observers) * (min(found.sheets, _EVENT_SHEETS) * sizes.sheet + _EVENTS * figures)
    report = _REPORT + min(found.sheets, _REPORT_SHEETS) * _REPORT_SHARE * sizes.sheet
    total = found.checkpoints * sizes.checkpoint + sheets + figures + events + report
    parts = [f"{_many(found.checkpoints, 'checkpoint')} of {in_words(sizes.checkpoint)}"]
    if found.sheets:
        parts.append(f"{_many(found.sheets, 'sheet')} of {in_words(sizes.sheet)}")
    parts += ["figures", *run.observers, "report"]
    return f"disk: about {in_words(total)} ({', '.join(parts)}), {in_words(free(folder))} free"


def see_that_there_is_room(recipe: Recipe, checkpoint: int, folder: Path, *, already: int = 0) -> None:
    """Raises UserError when the checkpoints alone, of so many bytes each, do not fit beside the ``already`` kept."""
    most = kept(recipe).most_checkpoints
    lacking = max(most - already, 1) * checkpoint
    room = free(folder)
    if lacking > room:
        fewer = ", or keep fewer of them (run.keep, run.keep_at)" if most > 3 and not already else ""
        raise UserError(
            f"the run cannot be kept: {folder} has {in_words(room)} free, and its checkpoints alone take "
            f"{in_words(lacking)} ({most} at once, of {in_words(checkpoint)}). Make room there, or set GAN_RECIPE_RUNS "
            f"to another disk{fewer}"
        )


def free(folder: Path) -> int:
    """The bytes that this process may still write where ``folder`` is or will be."""
    folder = folder.absolute()
    while not folder.is_dir():
        folder = folder.parent
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def in_words(size: float) -> str:
    """Bytes as a person reads them: 380 MB."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 999.5:
            return f"{size:.0f} {unit}" if size >= 99.5 or unit == "B" else f"{size:.2g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _times(rounds: int, every: int) -> int:
    """How often something is written that is due at every so many rounds and at the last."""
    return -(-rounds // every)


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
