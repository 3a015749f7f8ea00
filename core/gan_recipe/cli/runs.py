"""``runs`` and ``sample``: what was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gan_recipe.errors import UserError, harmless

if TYPE_CHECKING:
    from gan_recipe.run_folder import RunFolder


@click.command()
def runs() -> None:
    """List runs, how they ended, and their figures.

    They are in ./runs, or in the folder that $GAN_RECIPE_RUNS names.
    """
    from gan_recipe.run_folder import all_runs, runs_root

    found = all_runs()
    if not found:
        click.echo(f"There are no runs in {runs_root()} yet. Start one: gan-recipe run d_supervised")
        return
    rows = [_row(run) for run in found]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, outcome, rounds, started, told in rows:
        columns = f"{name:{widths[0]}}  {outcome:{widths[1]}}  {rounds:>{widths[2]}}  {started:{widths[3]}}  {told}"
        click.echo(harmless(columns.rstrip()))


def _row(run: RunFolder) -> tuple[str, str, str, str, str]:
    """Name, how it ended, rounds, when it started, and where from and how good."""
    try:
        told = run.describe()
    except UserError:
        return run.name, "no run.json", "", "", ""
    try:
        figures = [f"{name} {value:.3g}" for name, value in told.get("figures", {}).items()]
        parents = sorted({f"{each['run']}@{each['round']}" for each in told.get("parents", {}).values()})
        rounds = f"{told.get('round', 0):,}/{told.get('rounds', 0):,}"
        lineage = [f"from {', '.join(parents)}"] if parents else []
    except (AttributeError, KeyError, TypeError, ValueError):
        return run.name, "run.json is damaged", "", "", ""
    started = str(told.get("started", ""))[:16].replace("T", " ")
    outcome = str(told.get("outcome", "?"))
    if outcome == "running" and not run.is_being_written():
        outcome = "killed"
    return run.name, outcome, rounds, started, "  ".join([*lineage, *figures])


@click.command()
@click.argument("run")
@click.option(
    "--rows", metavar="N", default=16, show_default=True, type=click.IntRange(1, 1000), help="Samples to draw."
)
@click.option("--skip", metavar="N", default=0, show_default=True, type=click.IntRange(0), help="Batches to pass over.")
@click.option("--round", "at", metavar="N", type=click.IntRange(0), help="The checkpoint; the newest by default.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The PNG; beside the run's by default."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
def sample(run: str, rows: int, skip: int, at: int | None, output: Path | None, device: str) -> None:
    """Draw held-out samples from a run's checkpoint.

    RUN is NAME (its newest), NAME/N or a path. The sheet has the columns that the recipe states.
    """
    from gan_recipe.check import check
    from gan_recipe.run_folder import checkpoint_rounds, find_run

    folder = find_run(run)
    folder.describe()
    have = checkpoint_rounds(folder)
    if at is not None and at not in have:
        raise UserError(
            f"{folder.name} keeps no checkpoint of round {at}; it has: {', '.join(map(str, have)) or 'none'}"
        )
    recipe = check(str(folder.recipe))
    if not recipe.columns:
        raise UserError(f"{folder.name} has no sheet: its recipe states no [sheet] columns")
    from gan_recipe import checkpoint as checkpoints
    from gan_recipe.sheet import write_sheet
    from gan_recipe.train import chosen_device
    from gan_recipe.training import Training, use_available_cores

    use_available_cores()
    training = Training(recipe, chosen_device(device))
    try:
        loaded = checkpoints.load(folder, at) if at is not None else checkpoints.load_newest(folder)[0]
    except checkpoints.BrokenCheckpointError as error:
        raise UserError(f"the checkpoint {folder.name}@{at} is damaged: {error}") from None
    training.restore(loaded)
    path = output or folder.path / f"sample-{loaded.round:06d}.png"
    with training.averaged():
        values = training.values(recipe.columns, rows, start=skip)
    try:
        write_sheet(path, list(zip(recipe.sheet.columns, values, strict=True)))
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    click.echo(path)
