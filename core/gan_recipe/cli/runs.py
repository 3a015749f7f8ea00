"""``runs`` and ``sample``: what was trained."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.errors import UserError


@click.command()
def runs() -> None:
    """The runs in ./runs (or $GAN_RECIPE_RUNS), with how they ended and their figures."""
    from gan_recipe.run_folder import all_runs, runs_root

    found = all_runs()
    if not found:
        click.echo(f"There are no runs in {runs_root()} yet. Start one: gan-recipe run d_supervised")
        return
    width = max(len(run.name) for run in found)
    for run in found:
        try:
            told = run.describe()
        except UserError as error:
            click.echo(f"{run.name:{width}}  {error}")
            continue
        figures = "  ".join(f"{name} {value:.3g}" for name, value in told.get("figures", {}).items())
        rounds = f"{told.get('round', 0):,}/{told.get('rounds', 0):,}"
        parents = ", ".join(sorted({f"{each['run']}@{each['round']}" for each in told.get("parents", {}).values()}))
        lineage = f"from {parents}  " if parents else ""
        ended = f"{told.get('outcome', '?'):8}{rounds:>15}"
        click.echo(f"{run.name:{width}}  {ended}  {told.get('started', '')}  {lineage}{figures}")


@click.command()
@click.argument("run")
@click.option("--rows", default=16, show_default=True, type=click.IntRange(1, 1000), help="Held-out samples to draw.")
@click.option(
    "--skip", default=0, show_default=True, type=click.IntRange(0), help="Held-out batches to pass over first."
)
@click.option("--round", "at", type=click.IntRange(0), help="The checkpoint to sample; the newest by default.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The PNG; beside the run's by default."
)
@click.option("--device", default="auto", show_default=True)
def sample(run: str, rows: int, skip: int, at: int | None, output: Path | None, device: str) -> None:
    """Draw a sheet of held-out samples from a run's checkpoint."""
    from gan_recipe.check import check
    from gan_recipe.run_folder import checkpoint_rounds, find_run

    folder = find_run(run)
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
