"""What the settings are that a table of a recipe leaves unstated, as far as that is known without building it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.components.setting_types import setting_name
from gan_recipe.interfaces import KINDS
from gan_recipe.language.recipe_settings import SETTINGS, Averaging, BalanceSettings
from gan_recipe.language.toml_file import Key
from gan_recipe.ramp import Ramp

# What optimisers, rate schedules and initialisers default to is torch's business.
_TORCH_CALLS = ("optimizer", "lr_schedule", "init")


@attrs.frozen
class RecipeDefaults:
    """Looks defaults up in the classes of components; called as ``recipe_diff.difference`` asks for them."""

    registry: Registry

    def __call__(self, key: Key, table: Mapping[str, Any]) -> dict[str, Any]:
        """The defaults of the table at ``key``; those that TOML cannot hold, and of what is unknown, are left out."""
        if cls := SETTINGS.get(key) or _inner(key):
            return _of(cls)
        use = table.get("use")
        if not isinstance(use, str) or set(key) & set(_TORCH_CALLS):
            return {}
        try:
            found = _of(self.registry.component(use, tuple(KINDS)))
        except LookupProblem:
            return {}
        return found | ({"weight": 1.0, "every": 1} if key[2:3] == ("losses",) else {})


def _inner(key: Key) -> type[Any] | None:
    """The class of a table within a player that uses no component."""
    match key:
        case ("players", _, "balance"):
            return BalanceSettings
        case ("players", _, "ema"):
            return Averaging
        case ("players", _, "losses", _, "weight"):
            return Ramp
    return None


def _of(cls: type[Any]) -> dict[str, Any]:
    found = {}
    for field in attrs.fields(cls):
        default: Any = field.default
        if not field.init or default is attrs.NOTHING or getattr(default, "takes_self", False):
            continue
        value = default.factory() if hasattr(default, "factory") else default
        if value is not None:
            found[setting_name(field)] = value
    return found
