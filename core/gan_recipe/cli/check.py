"""``check``: every mistake in a recipe, found without training it."""

from __future__ import annotations

import click

from gan_recipe.cli.changes import changes
from gan_recipe.errors import harmless

#: ``--strict``, which ``run`` takes too.
strict_option = click.option(
    "--strict", is_flag=True, help="Refuse what would train but will not work, instead of warning of it."
)


@click.command()
@click.argument("recipe")
@changes
@click.option(
    "--rehearse",
    is_flag=True,
    help="Build the networks and compute every loss once, too, as `run` does before its first round; no run is made.",
)
@strict_option
def check(recipe: str, overrides: tuple[str, ...], overlays: tuple[str, ...], rehearse: bool, strict: bool) -> None:
    """Find every mistake in a recipe, without training it.

    What is sound but will not work is told as a warning with its [name]: docs/findings.md has all of them. How much
    disk a run will use is told of the shipped recipes and of all that were built here before, by `run` or --rehearse.
    """
    from gan_recipe.language.find import find
    from gan_recipe.language.findings import refuse
    from gan_recipe.runs.check_recipe import check as check_recipe
    from gan_recipe.runs.disk_use import foretold, free, in_words, kept
    from gan_recipe.runs.known_sizes import known_sizes
    from gan_recipe.runs.run_folder import runs_root

    checked = check_recipe(recipe, overrides, overlays=overlays)
    if rehearse:
        from gan_recipe.cli.screen import say_aside
        from gan_recipe.engine.rehearsal import rehearsal

        findings, measured = rehearsal(checked, say_aside)
    else:
        findings, measured = find(checked), None
    sizes = measured or known_sizes(checked)
    refuse(findings, strict=strict)
    for finding in findings:
        click.echo(harmless(f"warning: {finding}"))
    players = ", ".join(f"{name} trains {' '.join(player.trains)}" for name, player in checked.players.items())
    frozen = f"; frozen: {' '.join(checked.frozen_networks)}" if checked.frozen_networks else ""
    told = f"{checked.file.shown} is sound: {checked.run.rounds:,} rounds of {checked.run.batch}; {players}{frozen}."
    click.echo(harmless(told))
    root = runs_root()
    if sizes is not None:
        click.echo(harmless(f"{foretold(checked, sizes, root)} in {root}."))
    else:
        room = f"{in_words(free(root))} free in {root}"
        unknown = "their size is not known before the networks are built, which --rehearse does"
        click.echo(harmless(f"disk: {kept(checked)}; {unknown}; {room}."))
