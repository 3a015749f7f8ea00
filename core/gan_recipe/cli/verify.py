"""``verify-resume``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gan_recipe.cli.changes import changes
from gan_recipe.errors import harmless

if TYPE_CHECKING:
    from gan_recipe.verify.verify_resume import Comparison


@click.command("verify-resume")
@click.argument("recipe")
@changes
@click.option(
    "--rounds", default=12, show_default=True, metavar="N", type=click.IntRange(2, 10_000), help="Rounds to train."
)
@click.option("--stops", default=3, show_default=True, metavar="N", type=click.IntRange(1, 100), help="How many stops.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, or auto.")
@click.option("--metrics", is_flag=True, help="Take the recipe's metrics at the end, too.")
def verify_resume(
    recipe: str,
    overrides: tuple[str, ...],
    overlays: tuple[str, ...],
    rounds: int,
    stops: int,
    device: str,
    metrics: bool,
) -> None:
    """Prove that a recipe, with its plugins, resumes bit for bit.

    Trains it in one process without a stop, then again in fresh processes that are stopped in turn by SIGTERM and by
    kill -9, and compares after every round the networks, averages, optimisers and everything else of the checkpoint,
    then metrics.jsonl and the sheets. What differs is named, with the round and the likely cause. Nothing is kept.

    \b
    Exit codes:
      0    equal to the last bit
      1    something differs, or a process failed; it is told what
      2    the recipe or the command is wrong
    """
    from gan_recipe.verify.verify_resume import verify

    comparison = verify(
        recipe,
        overrides,
        overlays=overlays,
        rounds=rounds,
        stops=stops,
        device=device,
        metrics=metrics,
        say=lambda text: click.echo(harmless(text)),
    )
    for line in _told(recipe, comparison):
        click.echo(harmless(line))
    if comparison.difference:
        sys.exit(1)


def _told(recipe: str, comparison: Comparison) -> list[str]:
    stops = ", ".join(f"{round} by {name}" for round, name in comparison.stops)
    compared = (
        f"{comparison.rounds} rounds, stopped after {stops}: compared {comparison.tensors:,} tensors, "
        f"{comparison.lines} lines of figures and {comparison.sheets} sheets"
    )
    found = comparison.difference
    if found is None:
        return [compared, f"Equal to the last bit: {recipe} resumes exactly."]
    where = "The weights are equal, and yet:" if found.round is None else f"They differ from round {found.round} on:"
    return [compared, where, *(f"  {line}" for line in found.what), f"Likely cause: {found.cause}."]
