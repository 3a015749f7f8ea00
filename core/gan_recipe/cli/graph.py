"""``graph``: the plan of a round, for reading and for drawing."""

from __future__ import annotations

import click


@click.command()
@click.argument("recipe")
@click.option("-s", "overrides", metavar="KEY=VALUE", multiple=True, help="Change a setting before planning.")
@click.option("--round", "number", default=0, show_default=True, type=click.IntRange(0), help="The round to plan.")
@click.option("--format", "form", default="text", show_default=True, type=click.Choice(["text", "mermaid", "svg"]))
def graph(recipe: str, overrides: tuple[str, ...], number: int, form: str) -> None:
    """What a round computes, when, with whose gradients, and what it reuses."""
    from gan_recipe import drawing
    from gan_recipe.check import check
    from gan_recipe.plan import plan_from_start

    plan = plan_from_start(check(recipe, overrides), number)
    click.echo({"text": drawing.text, "mermaid": drawing.mermaid, "svg": drawing.svg}[form](plan), nl=form == "text")
