"""``list``, ``show`` and ``recipes``: what there is to build with."""

from __future__ import annotations

import textwrap

import click

from gan_recipe.errors import UserError, did_you_mean
from gan_recipe.interfaces import KINDS


@click.command("list")
@click.argument("kind", required=False)
def list_(kind: str | None) -> None:
    """The components of all installed plugins, or those of one KIND."""
    if kind is not None and kind.removesuffix("s") not in KINDS and kind not in KINDS:
        raise UserError(f"there is no kind {kind!r}.{did_you_mean(kind, KINDS)}")
    from gan_recipe.documentation import summary
    from gan_recipe.registry import BARE, Registry

    registry = Registry.installed()
    components = registry.every()
    width = max(map(len, components), default=0)
    for each in KINDS if kind is None else [kind if kind in KINDS else kind.removesuffix("s")]:
        chosen = {name: cls for name, cls in components.items() if cls.kind == each}
        if not chosen:
            continue
        click.echo(click.style(f"{each}", bold=True))
        for name, cls in sorted(chosen.items()):
            namespace = name.rpartition(".")[0] or BARE
            origin = "" if namespace == BARE else f"  [{registry.plugins[namespace].distribution}]"
            click.echo(f"  {name:{width}}  {textwrap.shorten(summary(cls), 90, placeholder=' …')}{origin}")
    for plugin in registry.plugins.values():
        if plugin.error:
            click.echo(f"broken: {plugin.namespace} ({plugin.distribution}): {plugin.error}", err=True)


@click.command()
@click.argument("component")
def show(component: str) -> None:
    """A component: what it computes, its settings with types and defaults, and an example."""
    import inspect

    from gan_recipe.documentation import example, reads, settings
    from gan_recipe.registry import LookupProblem, Registry

    try:
        cls = Registry.installed().component(component, tuple(KINDS))
    except LookupProblem as problem:
        raise UserError(str(problem)) from None
    click.echo(click.style(component, bold=True) + f"  ({cls.kind})\n")
    click.echo(inspect.getdoc(cls) or "")
    if read := reads(cls):
        click.echo(
            "\nReads: " + ", ".join(name if required else f"{name} (may be left out)" for name, required in read)
        )
    if stated := settings(cls):
        click.echo("\nSettings")
        for setting in stated:
            default = "must be stated" if setting.default is None else f"default {setting.default}"
            click.echo(f"  {click.style(setting.name, bold=True)}: {setting.type}; {default}")
            click.echo(textwrap.indent(textwrap.fill(setting.doc, 100), "      "))
    click.echo("\nExample\n" + textwrap.indent(example(component, cls), "  "))


@click.command()
def recipes() -> None:
    """The recipes that come with gan-recipe."""
    from gan_recipe.recipe_file import shipped_recipes

    found = shipped_recipes()
    width = max(map(len, found), default=0)
    for name, path in found.items():
        with path.open(encoding="utf-8") as file:
            first = file.readline()
        click.echo(f"{name:{width}}  {first.lstrip('# ').strip() if first.startswith('#') else ''}")
