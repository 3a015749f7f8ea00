"""``plugins``: who is installed, what each offers, and what is wrong with whom; and which may load at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from gan_recipe.errors import harmless

if TYPE_CHECKING:
    from gan_recipe.components.registry import Plugin

_FEW = 12


def restrict_plugins(context: click.Context, parameter: click.Parameter, stated: str | None) -> None:
    """Let only the plugins that ``--only-plugins`` names load, for the length of the command."""
    if stated is None:
        return
    from gan_recipe.components.registry import ONLY

    before = os.environ.get(ONLY)
    os.environ[ONLY] = stated

    def restore() -> None:
        if before is None:
            del os.environ[ONLY]
        else:
            os.environ[ONLY] = before

    context.call_on_close(restore)


@click.command()
def plugins() -> None:
    """List installed plugins, and what is wrong with them.

    Each with its distribution and version and what it offers, or why it is broken, clashing or kept out.
    """
    from gan_recipe.components.registry import Registry

    registry = Registry.installed()
    registry.every()
    found = sorted(registry.plugins.values(), key=lambda plugin: (not plugin.is_ours, plugin.namespace))
    names = max((len(plugin.namespace) for plugin in found), default=0)
    for plugin in found:
        name = harmless(f"{plugin.namespace:{names}}")
        click.echo(f"{click.style(name, bold=True)}  {harmless(plugin.distribution)}")
        for line in _state(plugin):
            click.echo(f"  {harmless(line)}")


def _state(plugin: Plugin) -> list[str]:
    if plugin.kept_out:
        return ["kept out: --only-plugins (or $GAN_RECIPE_ONLY_PLUGINS) does not name it"]
    if plugin.error:
        return [f"{'clashing' if len(plugin.distributions) > 1 else 'broken'}: {plugin.error}"]
    offered = plugin.components or {}
    sound = [name for name in offered if name not in plugin.broken]
    lines = [f"{len(sound)} component{'s' if len(sound) != 1 else ''}{_named(sound)}"] if sound else []
    lines += [f"broken: {problem}" for problem in plugin.broken.values()]
    return lines or ["an observer: name it in [run] observers"]


def _named(names: list[str]) -> str:
    return f": {', '.join(names)}" if len(names) <= _FEW else "; `gan-recipe list` shows them"
