"""``docs``: pages of every component and recipe, as Markdown or as a site."""

from __future__ import annotations

from pathlib import Path

import click

from gan_recipe.cli.places import EXISTING_FOLDER, FOLDER
from gan_recipe.errors import UserError

_PLUGINS = click.option("--plugins", is_flag=True, help="Also components of every other installed plugin.")


@click.group()
def docs() -> None:
    """Write the reference of what is installed."""


@docs.command()
@click.argument("folder", type=FOLDER)
@_PLUGINS
@click.option("--no-pictures", is_flag=True, help="Leave out what has to be computed, and needs torch.")
def pages(folder: Path, plugins: bool, no_pictures: bool) -> None:
    """Write the reference into FOLDER as plain Markdown.

    A page for each component and for each shipped recipe, and the references of recipes, of the command line and of
    the API. Any site generator that reads Markdown can make a site of them; `gan-recipe docs build` makes one.
    """
    from gan_recipe.cli.command_reference import command_reference
    from gan_recipe.components.registry import Registry
    from gan_recipe.site.pages import generated_pages, write_pages

    made = generated_pages(Registry.installed(), plugins=plugins, pictures=not no_pictures)
    made["reference/cli.md"] = command_reference()
    try:
        write_pages(made, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}") from None
    click.echo(f"Wrote {len(made)} pages to {folder}.")


@docs.command()
@click.argument("source", required=False, type=EXISTING_FOLDER)
@_PLUGINS
@click.option(
    "--out",
    default=Path("site"),
    show_default=True,
    type=FOLDER,
    help="The site's folder.",
)
def build(source: Path | None, plugins: bool, out: Path) -> None:
    """Build the site of hand-written pages and the reference.

    SOURCE holds the hand-written pages, if there are any. `gan-recipe docs build docs` in a copy of the repository
    builds gan-recipe's own. `gan-recipe docs build --plugins` builds the reference of everything that is installed, for
    an organisation's own site. Needs the extra `docs`.
    """
    from gan_recipe.cli.command_reference import command_reference
    from gan_recipe.components.registry import Registry
    from gan_recipe.site.html import build_site

    if source is not None and not (source / "index.md").is_file():
        raise UserError(f"{source} has no index.md, which is the site's first page")
    try:
        also = {"reference/cli.md": command_reference()}
        warnings = build_site(source, out, Registry.installed(), also, plugins=plugins)
    except ModuleNotFoundError as error:
        raise UserError(f"the site needs {error.name}: pip install 'gan-recipe[docs]'") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    except OSError as error:
        raise UserError(f"{error.filename or out} cannot be written: {error.strerror}") from None
    if warnings:
        raise UserError("\n".join([*warnings, f"The site in {out} is faulty: {len(warnings)} warnings, above."]))
    click.echo(f"Wrote the site: {out / 'index.html'}")
