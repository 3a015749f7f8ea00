"""``list``, ``show`` and ``recipes``: what there is to build with."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from gan_recipe.errors import UserError, did_you_mean, harmless
from gan_recipe.interfaces import KINDS

if TYPE_CHECKING:
    from pathlib import Path

    from gan_recipe.components.registry import Registry


@click.command("list")
@click.argument("kind", required=False)
def list_(kind: str | None) -> None:
    """List the components of all installed plugins.

    KIND narrows the list: encoder, decoder, head, loss, constraint, schedule, data, metric, signal or verdict.
    """
    import gc

    gc.disable()  # a hundred classes are made, and live as long as the process
    if kind is not None and kind not in KINDS and kind.removesuffix("s") in KINDS:
        kind = kind.removesuffix("s")
    if kind is not None and kind not in KINDS:
        raise UserError(f"there is no kind {kind!r}.{did_you_mean(kind, KINDS)}")
    from gan_recipe.cli.paragraphs import in_columns, width
    from gan_recipe.components.registry import BARE, Registry
    from gan_recipe.components.summary import summary

    registry = Registry.installed()
    components = registry.every()
    longest = max(map(len, components), default=0)
    for each in KINDS if kind is None else [kind]:
        rows = []
        for name, cls in sorted(components.items()):
            namespace = name.rpartition(".")[0] or BARE
            origin = "" if namespace == BARE else f" [{registry.plugins[namespace].distribution}]"
            if cls.kind == each:
                rows.append((f"{name:{longest}}", harmless(summary(cls).replace("``", "`") + origin)))
        if rows:
            click.echo(click.style(each, bold=True))
            for line in in_columns(rows, width() if sys.stdout.isatty() else None):
                click.echo(line)
    ours = registry.plugins[BARE].distribution if BARE in registry.plugins else ""
    click.echo(f"\nFrom {harmless(ours)}, where nothing else is said in brackets. `gan-recipe show NAME` tells more.")
    _say_what_is_broken(registry)


@click.command()
@click.argument("component")
def show(component: str) -> None:
    """Show a component: what it does, its settings, an example."""
    import inspect

    from gan_recipe.cli.paragraphs import reflowed, width
    from gan_recipe.components.documentation import example, reads, settings
    from gan_recipe.components.registry import LookupProblem, Registry

    try:
        cls = Registry.installed().component(component, tuple(KINDS))
    except LookupProblem as problem:
        raise UserError(str(problem)) from None
    columns = width()
    click.echo(click.style(component, bold=True) + f"  ({cls.kind})\n")
    click.echo(reflowed(inspect.getdoc(cls) or "", columns))
    if read := reads(cls):
        click.echo("\nReads")
        for each in read:
            click.echo(f"  {click.style(each.name, bold=True)}: {each.told}")
    if stated := settings(cls):
        click.echo("\nSettings")
        for setting in stated:
            default = "must be stated" if setting.default is None else f"default {setting.default}"
            if setting.default == "left out":
                default = "by default left out"
            line = reflowed(f"{setting.name}: {setting.type}; {default}", columns - 4)
            bold = click.style(setting.name, bold=True) + line.removeprefix(setting.name)
            click.echo("  " + bold.replace("\n", "\n    "))
            click.echo(_indented(reflowed(setting.doc, columns - 6), "      "))
    click.echo("\nExample\n" + _indented(example(component, cls), "  "))


@click.command()
@click.argument("folder", required=False)
def recipes(folder: str | None) -> None:
    """List the recipes that come with gan-recipe.

    A folder among them is one line; FOLDER lists what it holds.
    """
    from gan_recipe.cli.paragraphs import in_columns, width
    from gan_recipe.language.recipe_file import shipped_recipes

    shipped = shipped_recipes()
    folders = {name.rpartition("/")[0] for name in shipped if "/" in name}
    stated = (folder or "").rstrip("/")
    if stated and stated not in folders:
        raise UserError(f"no shipped recipes are in a folder {stated!r}.{did_you_mean(stated, folders)}")
    rows = [(name, _first_line(path)) for name, path in shipped.items() if name.rpartition("/")[0] == stated]
    for each in sorted(folders - {stated}):
        inside = [name for name in shipped if name.startswith(f"{each}/")]
        if each.rpartition("/")[0] == stated:
            rows.append((f"{each}/", f"{len(inside)} recipes: gan-recipe recipes {each}"))
    for line in in_columns(rows, width() if sys.stdout.isatty() else None):
        click.echo(line)


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline()
    return harmless(first.lstrip("# ").strip()) if first.startswith("#") else ""


def _say_what_is_broken(registry: Registry) -> None:
    for plugin in registry.plugins.values():
        if plugin.error:
            click.echo(harmless(f"broken: {plugin.namespace} ({plugin.distribution}): {plugin.error}"), err=True)
        for problem in plugin.broken.values():
            click.echo(harmless(f"broken: {problem}"), err=True)


def _indented(text: str, by: str) -> str:
    return "\n".join(by + line if line else line for line in text.splitlines())
