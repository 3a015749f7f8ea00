"""``schema``: what editors complete and check recipes by."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.cli.places import FILE
from gan_recipe.errors import UserError


@click.command()
@click.option("-o", "--output", type=FILE, help="A file to write it to.")
def schema(output: Path | None) -> None:
    """Print a JSON Schema of recipes, for editors.

    It knows every component that is installed, with its settings. Write it beside your recipes, and name it in a
    recipe's first line, which editors with tombi (or the older taplo) read:

    \b
    gan-recipe schema -o recipe.schema.json
    #:schema ./recipe.schema.json
    """
    import json

    from gan_recipe.components.registry import Registry
    from gan_recipe.language.schema import recipe_schema

    text = json.dumps(recipe_schema(Registry.installed()), indent=1)
    if output is None:
        click.echo(text)
        return
    try:
        output.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {output}. First line of a recipe beside it: #:schema ./{output.name}")
