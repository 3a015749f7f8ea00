"""``plugin``: a package of one's own, written and kept up to date."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from gan_recipe.cli.places import ANYWHERE
from gan_recipe.components.plugin_package import KINDS, Answers, update_plugin, write_plugin


@click.group()
def plugin() -> None:
    """Write a plugin of your own, or bring one up to date."""


@plugin.command()
@click.argument("namespace")
@click.option("--kind", type=click.Choice(KINDS), help="The kind of its component; or an observer.")
@click.option("--component", metavar="NAME", help="What recipes call the component, behind the namespace.")
@click.option("--author", help="Who writes it.")
@click.option("--distribution", metavar="NAME", help="The package to install; gan-recipe-NAMESPACE by default.")
@click.option("--folder", type=ANYWHERE, help="Where to write it; the package's name by default.")
def new(
    namespace: str,
    kind: str | None,
    component: str | None,
    author: str | None,
    distribution: str | None,
    folder: Path | None,
) -> None:
    """Write an installable package with a component, or an observer.

    Its test and a recipe that uses it are written too. NAMESPACE is what recipes call the plugin by: acme.my_loss. What
    is not stated is asked for on a terminal; elsewhere a loss is written.
    """
    asked = sys.stdin.isatty()
    if kind is None:
        kind = click.prompt("Kind of the component", default="loss", type=click.Choice(KINDS)) if asked else "loss"
    if component is None:
        default = f"my_{kind}"
        component = click.prompt("Its name in recipes", default=default) if asked else default
    if author is None:
        author = click.prompt("Author", default="", show_default=False) if asked else ""
    distribution = distribution or f"gan-recipe-{namespace.replace('_', '-')}"
    folder = folder or Path(distribution)
    answers = Answers(namespace, distribution, component, kind, author)
    write_plugin(answers, folder)
    click.echo(f"Wrote {folder}: the {kind} {namespace}.{component}, its test and a recipe. Go on:")
    click.echo(f'  cd {folder} && pip install -e ".[test]" && pytest')
    click.echo(f"  gan-recipe run recipes/{component}.toml")


@plugin.command()
@click.argument("folder", default=".", type=ANYWHERE)
def update(folder: Path) -> None:
    """Merge what this gan-recipe writes otherwise into a plugin.

    FOLDER is a git repository that `plugin new` wrote, with everything committed.
    """
    before, after = update_plugin(folder)
    if before == after:
        click.echo(f"{folder} is up to date: the template is that of {after}")
    else:
        click.echo(f"{folder} goes from the template of {before} to that of {after}. Look at it: git diff")
