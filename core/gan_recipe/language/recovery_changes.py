"""What going back once makes of a recipe: the changes that its table ``[recovery]`` states."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from gan_recipe.components.registry import Registry
from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import Problem
from gan_recipe.language.override import Override, Settings, parsed_key, places, set_at
from gan_recipe.language.recipe_defaults import RecipeDefaults
from gan_recipe.language.recipe_diff import Change
from gan_recipe.language.recipe_file import Origin, RecipeFile
from gan_recipe.language.recipe_settings import RecoverySettings
from gan_recipe.language.settable import settings_of
from gan_recipe.language.toml_file import Key

_ENDS = ("from", "to")


def changed(
    file: RecipeFile, recovery: RecoverySettings, registry: Registry
) -> tuple[RecipeFile, list[Change], list[Problem]]:
    """What going back once makes of a recipe, key by key; changes that are wrong are left out and told."""
    file = RecipeFile(file.name, file.shown, copy.deepcopy(file.tables), dict(file.origins))
    settings, defaults = settings_of(registry), RecipeDefaults(registry)
    changes: list[Change] = []
    problems: list[Problem] = []
    stated = [("multiply", key, value) for key, value in recovery.multiply.items()]
    stated += [("change", key, value) for key, value in recovery.change.items()]
    for part, pattern, value in stated:
        at = ("recovery", part, pattern)
        origin = file.origin(at)

        def report(what: str, at: Key = at, origin: Origin = origin) -> None:
            problems.append(Problem(origin.where, ".".join((*at[:2], f'"{at[2]}"')), what))

        found = _matched(file, pattern, settings)
        if isinstance(found, str):
            report(found)
            continue
        for key in found:
            table: Any = file.tables
            for name in key[:-1]:
                table = table[name]
            before = table.get(key[-1], defaults(key[:-1], table).get(key[-1]))
            after = value if part == "change" else _multiplied(before, value)
            if after is None:
                if table.get(key[-1]) is not None or len(found) == 1:
                    shown = "not stated" if before is None else shortened(before)
                    report(f"{'.'.join(key)} is {shown}, which cannot be multiplied")
            elif key[2:3] == ("optimizer",) and not _is_numeric(after):
                report(f"of an optimiser only numbers change, and this would be {shortened(after)}")
            elif wrong := set_at(file, Override(key, after, origin)):
                report(wrong[0].what)
            else:
                changes.append(Change(key, before, after))
    return file, changes, problems


def _matched(file: RecipeFile, pattern: str, settings: Settings) -> list[Key] | str:
    """The keys that a pattern means, or what is wrong with it."""
    key = parsed_key(pattern)
    if key is None:
        return "expected a key, such as players.*.optimizer.lr"
    if not _may_change(key):
        return (
            "a run that goes back keeps its data, networks and optimisers. What may change are numbers of "
            "players.NAME.optimizer, its losses, balance and clip_gradients, and the schedule"
        )
    found = places(file.tables, key, settings)
    return found or f"the recipe has nothing at {pattern} that could change"


def _may_change(key: Key) -> bool:
    if key[0] == "schedule":
        return True
    if key[0] != "players" or len(key) < 3:
        return False
    if key[2] == "optimizer":
        return len(key) == 4 and key[3] != "use"
    return (key[2] == "losses" and len(key) > 3) or key[2] in ("clip_gradients", "balance")


def _multiplied(value: Any, factor: float) -> Any:
    """A number, or both ends of a ramp, times ``factor``; None for anything else."""
    if isinstance(value, Mapping) and "from" in value:
        return {name: each * factor if name in _ENDS else each for name, each in value.items()}
    if type(value) not in (int, float):
        return None
    product = value * factor
    return int(product) if type(value) is int and product == int(product) else product


def _is_numeric(value: Any) -> bool:
    return type(value) in (int, float) or (isinstance(value, list) and all(map(_is_numeric, value)))
