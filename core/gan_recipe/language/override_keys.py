"""What ``-s`` can change in a recipe: keys that it states, and settings that its tables leave at their defaults."""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

import attrs

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.components.setting_types import setting_name
from gan_recipe.components.toml_value import as_key
from gan_recipe.interfaces import KINDS
from gan_recipe.language.optimizers import INITIALISERS, LR_SCHEDULES, OPTIMIZERS
from gan_recipe.language.recipe_settings import SETTINGS, RunSettings
from gan_recipe.language.toml_file import Key


def keys(tables: Mapping[str, Any], registry: Registry) -> list[str]:
    """Dotted keys, those of ``[run]`` first, then in the recipe's order."""
    found: dict[Key, None] = dict.fromkeys(("run", setting) for setting in _types(RunSettings))
    found |= dict.fromkeys(_keys(tables, (), registry))
    return [".".join(map(as_key, key)) for key in found]


def values(tables: Mapping[str, Any], registry: Registry, key: str) -> list[str]:
    """The values of a key that has few: choices, true and false, or the components of the kind that stands there."""
    *around, name = key.split(".")
    table: Any = tables
    for part in around:
        table = table.get(part, {}) if isinstance(table, dict) else {}
    if name == "use" and isinstance(table, dict):
        return _others(table.get("use"), registry)
    expected = _types(_settings_of(tuple(around), table, registry)).get(name)
    return list(_choices(expected))


def _keys(table: Mapping[str, Any], at: Key, registry: Registry) -> Iterator[Key]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _keys(value, (*at, name), registry)
        elif (*at, name) != ("extends",):
            yield (*at, name)
    for name in _types(_settings_of(at, table, registry)):
        yield (*at, name)
    if at[:1] == ("players",) and at[2:3] == ("losses",) and len(at) == 4:
        yield from ((*at, "weight"), (*at, "every"))


def _settings_of(at: Key, table: Any, registry: Registry) -> type[Any] | None:
    if at in SETTINGS:
        return SETTINGS[at]
    stated = table.get("use") if isinstance(table, dict) else None
    try:
        return registry.component(stated, tuple(KINDS)) if isinstance(stated, str) else None
    except LookupProblem:
        return None


def _types(cls: type[Any] | None) -> dict[str, Any]:
    if cls is None:
        return {}
    hints = typing.get_type_hints(cls)
    return {setting_name(field): hints[field.name] for field in attrs.fields(cls) if field.init}


def _choices(expected: Any) -> Iterator[str]:
    if expected is bool:
        yield from ("true", "false")
    elif get_origin(expected) is Literal:
        yield from map(str, get_args(expected))
    else:
        for member in get_args(expected):
            if member is bool or get_origin(member) is Literal:
                yield from _choices(member)


def _others(stated: Any, registry: Registry) -> list[str]:
    """What may stand where ``stated`` does."""
    for known in (OPTIMIZERS, LR_SCHEDULES, INITIALISERS):
        if stated in known:
            return list(known)
    every = registry.every()
    kind = every[stated].kind if stated in every else None
    return sorted(name for name, cls in every.items() if cls.kind == kind)
