"""``sweep``: many runs of a recipe, with settings that Optuna chooses."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.cli.changes import changes
from gan_recipe.cli.places import FILE
from gan_recipe.errors import UserError, harmless


@click.command()
@click.argument("recipe")
@changes
@click.option("--space", required=True, type=FILE, metavar="FILE", help="A .toml file: what to try, by which metric.")
@click.option("--trials", default=20, show_default=True, type=click.IntRange(1), help="How many the study shall have.")
@click.option("--metric", help="One of the recipe's metrics, in place of the one that the file states.")
@click.option("--study", help="Its name, and that of its runs; RECIPE-SPACE by default. The same name goes on with it.")
@click.option(
    "--storage", metavar="URL", help="sqlite:///FILE or postgresql://HOST/NAME; a file beside the runs by default."
)
@click.option("--heartbeat", default=60, show_default=True, type=click.IntRange(1), help="Seconds; see below.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:1, or auto.")
def sweep(
    recipe: str,
    overrides: tuple[str, ...],
    overlays: tuple[str, ...],
    space: Path,
    trials: int,
    metric: str | None,
    study: str | None,
    storage: str | None,
    heartbeat: int,
    device: str,
) -> None:
    """Search settings of a recipe by its metric.

    Start the same command as often as there is room: workers share the study, on one machine or, with PostgreSQL, on
    many. Each trial is a run like any other, named after the study. A worker that is killed leaves its trial to the
    others, three heartbeats later; it goes on from its last checkpoint. With run.measure_every above 0, trials that
    are worse than the median are given up.
    """
    from gan_recipe.components.registry import Registry
    from gan_recipe.runs.check_recipe import check
    from gan_recipe.runs.new_run import check_new
    from gan_recipe.sweeps.space import read_space

    registry = Registry.installed()
    checked = check(recipe, overrides, registry, overlays=overlays)
    found = read_space(str(space), checked, recipe, registry, overrides=overrides, overlays=overlays, metric=metric)
    name = study if study is not None else f"{checked.name}-{space.stem}"
    if "/" in name:
        raise UserError(f"{name!r} is no name for a study: its runs are numbered by themselves; leave out the '/'")
    check_new(name)
    if not checked.run.measure_every:
        click.echo("run.measure_every is 0: no trial is given up early.")
    from gan_recipe.cli.screen import screen_for
    from gan_recipe.sweeps.sweep import Sweep, default_storage, work

    place = storage or default_storage(name)
    told = Sweep(recipe, overrides, overlays, found, name, trials, place, heartbeat, device)
    done = work(told, screen_for(quiet=True), lambda text: click.echo(harmless(text)))
    try:
        best = done.best_trial
    except ValueError:
        click.echo("No trial came to its end; `gan-recipe runs` tells why.")
        return
    where = best.user_attrs["run"]
    click.echo(f"\nBest of {len(done.trials)}: trial {best.number}, {found.metric} {best.value:.4g}, {where}")
    for key, value in best.params.items():
        click.echo(harmless(f"  -s {key}={value}"))
