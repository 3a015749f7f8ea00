"""``runs`` and ``sample``: what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gan_recipe.cli.places import FILE
from gan_recipe.components.toml_value import cut
from gan_recipe.errors import UserError, harmless

if TYPE_CHECKING:
    from gan_recipe.runs.history import Entry

# Characters of a note in the list; `log` has all of it.
_NOTE = 60


@click.command()
def runs() -> None:
    """List runs, how they ended, their figures and notes.

    They are in ./runs, or in the folder that $GAN_RECIPE_RUNS names.
    """
    from gan_recipe.runs.history import read_entry
    from gan_recipe.runs.run_folder import all_runs, runs_root

    rows = [_row(read_entry(run)) for run in all_runs()]
    if not rows:
        click.echo(f"There are no runs in {runs_root()} yet. Start one: gan-recipe run d_supervised")
        return
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, outcome, rounds, started, told in rows:
        columns = f"{name:{widths[0]}}  {outcome:{widths[1]}}  {rounds:>{widths[2]}}  {started:{widths[3]}}  {told}"
        click.echo(columns.rstrip())


def _row(entry: Entry) -> tuple[str, str, str, str, str]:
    """Name, how it ended, rounds, when it started, and where from, how good, and the newest note."""
    rounds = f"{entry.round:,}/{entry.rounds:,}" if entry.rounds else ""
    lineage = [f"from {', '.join(entry.parents)}"] if entry.parents else []
    figures = [f"{name} {value:.3g}" for name, value in entry.figures.items()]
    note = [f"note: {cut(entry.notes[-1].text.splitlines()[0], _NOTE)}"] if entry.notes else []
    told = "  ".join([*lineage, *figures, *note])
    return entry.run.name, harmless(entry.outcome), rounds, harmless(entry.when), harmless(told)


@click.command()
@click.argument("run")
@click.option(
    "--rows", metavar="N", default=16, show_default=True, type=click.IntRange(1, 1000), help="Samples to draw."
)
@click.option("--skip", metavar="N", default=0, show_default=True, type=click.IntRange(0), help="Batches to pass over.")
@click.option("--round", "at", metavar="N", type=click.IntRange(0), help="The checkpoint; the newest by default.")
@click.option("-o", "--output", type=FILE, help="The PNG; beside the run's by default.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
def sample(run: str, rows: int, skip: int, at: int | None, output: Path | None, device: str) -> None:
    """Draw held-out samples from a run's checkpoint.

    RUN is NAME (its newest), NAME/N or a path. The sheet has the columns that the recipe states.
    """
    from gan_recipe.runs.check_recipe import check
    from gan_recipe.runs.run_folder import find_run

    folder = find_run(run)
    folder.describe()
    recipe = check(str(folder.recipe), starts=None)
    if not recipe.columns:
        raise UserError(f"{folder.name} has no sheet: its recipe states no [sheet] columns")
    from gan_recipe.cli.screen import say_aside
    from gan_recipe.engine.hardware import chosen_device, use_available_cores
    from gan_recipe.engine.sheet import write_sheet
    from gan_recipe.engine.training import Training
    from gan_recipe.runs.checkpoint import load_chosen

    loaded = load_chosen(folder, at)
    use_available_cores()
    training = Training(recipe, chosen_device(device), say=say_aside)
    training.restore(loaded)
    path = output or folder.path / f"sample-{loaded.round:06d}.png"
    columns = training.sheet(rows, start=skip)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sheet(path, columns)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(path)
