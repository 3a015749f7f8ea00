"""The versions that a run was made with, and what is another when it goes on."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from typing import Any

import gan_recipe
from gan_recipe.components.registry import Registry


def versions(registry: Registry, torch: str) -> dict[str, Any]:
    """Of gan-recipe, python, torch, and of every plugin that was asked for components or observes, by namespace."""
    loaded = {name: plugin for name, plugin in registry.plugins.items() if plugin.components is not None}
    return {
        "gan-recipe": gan_recipe.__version__,
        "python": platform.python_version(),
        "torch": torch,
        "plugins": {name: plugin.distribution for name, plugin in sorted(loaded.items())},
    }


def changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each version that is not what it was."""
    for name in ("gan-recipe", "python", "torch"):
        if before.get(name) != now[name]:
            yield f"this run began with {name} {before.get(name, '(a version that it does not tell)')}, not {now[name]}"
    for namespace, distribution in now["plugins"].items():
        began = before.get("plugins", {}).get(namespace)
        if began != distribution:
            yield f"this run began with {began or f'no plugin {namespace!r}'}, not {distribution}"
