"""``graph``: the plan of a round, for reading and for drawing."""

from __future__ import annotations

import click

from gan_recipe.cli.changes import changes


@click.command()
@click.argument("recipe")
@changes
@click.option(
    "--round", "number", metavar="N", default=0, show_default=True, type=click.IntRange(0), help="Which round."
)
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "mermaid", "svg"]))
def graph(recipe: str, overrides: tuple[str, ...], overlays: tuple[str, ...], number: int, form: str) -> None:
    """Show what a round computes, when and for whom.

    For each move of the round: the values that it reuses and computes, whose gradients flow through them, and the
    losses that it minimises.
    """
    from gan_recipe.errors import UserError
    from gan_recipe.language import plan_svg, plan_text
    from gan_recipe.language.plan import plan_from_start
    from gan_recipe.runs.check_recipe import check

    checked = check(recipe, overrides, overlays=overlays, starts=None)
    if number >= checked.run.rounds:
        raise UserError(
            f"the run has {checked.run.rounds:,} rounds, from 0 to {checked.run.rounds - 1:,}; not {number:,}"
        )
    plan = plan_from_start(checked, number)
    written = {"text": plan_text.text, "mermaid": plan_text.mermaid, "svg": plan_svg.svg}[form](plan)
    click.echo(written, nl=form == "text")
