"""Settings changed from outside a recipe: ``-s`` lines and overlays. They change what is there and invent nothing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from gan_recipe.components.toml_value import as_key, cut, shortened
from gan_recipe.errors import Problem, UserError, did_you_mean
from gan_recipe.language.recipe_file import OVERLAYS, Origin, RecipeFile, load, shipped_folder
from gan_recipe.language.toml_file import MAX_DEPTH, Key, read_toml, value_problems

#: In place of a name: every one that has the setting.
ANY = "*"

DOCTOR = "doctor"

#: The settings that the table at a key could state, if it stands there.
Settings = Callable[[Key, Mapping[str, Any]], Collection[str]]

# Tables whose keys are names that the recipe gives: a change may touch such an entry, never invent one.
_NAMED = (
    ("data",),
    ("networks",),
    ("values",),
    ("players",),
    ("players", "*", "losses"),
    ("players", "*", "constraints"),
    ("metrics",),
)
_STAR = re.compile(r"(?:(?<=\.)|^)\s*\*\s*(?=\.|$)")


@frozen
class Override:
    """One setting and its new value."""

    #: A part may be ``*``.
    key: Key
    value: Any
    origin: Origin


def read(
    stated: str, overrides: Iterable[str], overlays: Iterable[str], settings: Settings
) -> tuple[RecipeFile, list[Problem]]:
    """A recipe with overlays and then overrides laid over it.

    Changes that are wrong are left out and told, so that the rest can be checked too. Raises RecipeError for a file
    that cannot be read and UserError when there is none.
    """
    recipe = load(stated)
    problems = [problem for each in overlays for problem in overlay(recipe, each, settings)]
    return recipe, problems + [problem for each in overrides for problem in override(recipe, each, settings)]


def overlay(recipe: RecipeFile, stated: str, settings: Settings) -> list[Problem]:
    """Lay the tables of a file over ``recipe`` in place, or say what is wrong with them.

    Raises RecipeError for a file that cannot be read and UserError when there is none.
    """
    path = find_overlay(stated)
    tables, lines = read_toml(path, str(path))

    def origin(key: Key) -> Origin:
        while key not in lines:
            key = key[:-1]
        return Origin(f"{path}:{lines[key]}", path.parent)

    if "extends" in tables:
        return [
            Problem(origin(("extends",)).where, "", "an overlay extends nothing; lay another one over the recipe too")
        ]
    changes = [Override(key, value, origin(key)) for key, value in _stated(tables, ())]
    if not changes:
        return [Problem(f"{path}:1", "", "this overlay changes nothing: it states no setting")]
    return [problem for change in changes for problem in _apply(recipe, change, settings)]


def override(recipe: RecipeFile, stated: str, settings: Settings) -> list[Problem]:
    """Apply ``key=value`` to ``recipe`` in place, or say what is wrong with it."""
    where = f"-s {cut(stated)}"
    left, equals, text = stated.partition("=")
    key = parsed_key(left)
    if not equals or key is None:
        return [Problem(where, "", "expected key=value, such as players.generator.losses.l1.weight=5")]
    return _apply(recipe, Override(key, _value(text), Origin(where, Path())), settings)


def find_overlay(stated: str) -> Path:
    """A path to an overlay, or the bare name of a shipped one. Raises UserError."""
    path = Path(stated)
    shipped = {each.stem: each for each in sorted((shipped_folder() / OVERLAYS).glob("*.toml"))}
    try:
        if path.is_file():
            return path
    except (OSError, ValueError):  # such as a name that is too long, or that holds a zero byte
        pass
    if stated.removesuffix(".toml") in shipped:
        return shipped[stated.removesuffix(".toml")]
    raise UserError(f"there is no overlay {stated!r}, neither a file nor a shipped one.{did_you_mean(stated, shipped)}")


def _stated(tables: Mapping[str, Any], at: Key) -> Iterator[tuple[Key, Any]]:
    """What an overlay's tables change; a table that states ``use`` is one value."""
    for name, value in tables.items():
        if isinstance(value, dict) and "use" not in value:
            yield from _stated(value, (*at, name))
        else:
            yield (*at, name), value


# ------------------------------------------------------------------------------------------------------- applying


def _apply(recipe: RecipeFile, change: Override, settings: Settings) -> list[Problem]:
    if ANY not in change.key:
        return set_at(recipe, change)
    keys = places(recipe.tables, change.key, settings)
    if not keys:
        return [Problem(change.origin.where, "", _matches_nothing(recipe.tables, change.key, settings))]
    found = [problem for key in keys for problem in set_at(recipe, Override(key, change.value, change.origin))]
    return list(dict.fromkeys(found))


def set_at(recipe: RecipeFile, change: Override) -> list[Problem]:
    """Set the one key of a change without ``*`` in place, or say what is wrong with it."""
    key, value, where = change.key, change.value, change.origin.where
    table: Any = recipe.tables
    if key[0] == DOCTOR and len(key) > 1:
        # Every recipe has this table, stated or not.
        table.setdefault(DOCTOR, {})
    for depth, name in enumerate(key):
        last = depth == len(key) - 1
        around = key[:depth]
        named = any(_fits(pattern, around) for pattern in _NAMED)
        if name not in table and (named or not last):
            return [Problem(where, "", _invented(around, name, table))]
        if not last:
            table = table[name]
            if not isinstance(table, dict):
                at = ".".join(key[: depth + 1])
                return [Problem(where, "", f"{at} is {shortened(table)}, which holds no {key[depth + 1]!r}")]
    before = table.get(key[-1])
    if isinstance(value, dict) and isinstance(before, dict) and any(_fits(pattern, key) for pattern in _NAMED):
        # The whole table at once: its entries are names, of which none may be new.
        for name in value:
            if name not in before:
                return [Problem(where, "", _invented(key, name, before))]
    if problems := [Problem(where, ".".join(map(as_key, at)), what) for at, what in value_problems(value, key)]:
        return problems
    for old in [old for old in recipe.origins if old[: len(key)] == key]:
        del recipe.origins[old]
    table[key[-1]] = value
    recipe.origins[key] = change.origin
    return []


def places(tables: Mapping[str, Any], pattern: Key, settings: Settings) -> list[Key]:
    """The keys that a pattern means: of the last one it is enough that its table could state it."""
    return [
        (*at, name)
        for at, table in _tables(tables, pattern[:-1])
        for name in (table if pattern[-1] == ANY else [pattern[-1]])
        if name in table or name in settings(at, table)
    ]


def _tables(tables: Mapping[str, Any], pattern: Key) -> list[tuple[Key, dict[str, Any]]]:
    found: list[tuple[Key, Any]] = [((), tables)]
    for part in pattern:
        found = [
            ((*at, name), table[name])
            for at, table in found
            if isinstance(table, dict)
            for name in (table if part == ANY else [part])
            if name in table
        ]
    return [(at, table) for at, table in found if isinstance(table, dict)]


def _matches_nothing(tables: Mapping[str, Any], pattern: Key, settings: Settings) -> str:
    around, name = ".".join(pattern[:-1]), pattern[-1]
    beside = _tables(tables, pattern[:-1])
    if not beside:
        return f"the recipe has nothing at {around}"
    known = {each for at, table in beside for each in (*table, *settings(at, table))}
    return f"nothing at {around} has a setting {name!r}.{did_you_mean(name, known)}"


def _invented(around: Key, name: str, known: Mapping[str, Any]) -> str:
    at = ".".join(around) or "the recipe"
    return f"{at} has no {name!r}: a change is made to what is there, it adds nothing.{did_you_mean(name, known)}"


# ------------------------------------------------------------------------------------------------------- reading


def parsed_key(stated: str) -> Key | None:
    """``a.*."c d"`` as its parts; None when it is no key."""
    if "\n" in stated or stated.count(".") >= MAX_DEPTH:
        return None
    quoted = _STAR.sub(f'"{ANY}"', stated)
    try:
        found: Any = tomllib.loads(f"{quoted} = 0")
    except ValueError:
        return None
    key: Key = ()
    while isinstance(found, dict):
        if len(found) != 1:  # such as a comment in place of a key
            return None
        ((name, found),) = found.items()
        key = (*key, name)
    return key


def _value(text: str) -> Any:
    """A TOML value, or the text itself where quotes were left out."""
    if "\n" in text or "\r" in text:
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _fits(pattern: Key, key: Key) -> bool:
    return len(pattern) == len(key) and all(part in (ANY, name) for part, name in zip(pattern, key, strict=True))
