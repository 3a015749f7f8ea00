"""A recipe as it is written: files merged by ``extends``, overrides applied, every key with its origin.

What the keys mean is not known here; ``check`` knows.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from gan_recipe.errors import Problem, RecipeError, UserError, did_you_mean
from gan_recipe.toml_file import Key, read_toml

MAX_EXTENDS = 64

# Tables whose keys are names that the recipe gives: an override may change such an entry, never invent one.
_NAMED = (
    ("data",),
    ("networks",),
    ("values",),
    ("players",),
    ("players", "*", "losses"),
    ("players", "*", "constraints"),
    ("metrics",),
)


@frozen
class Origin:
    """Who states a key."""

    #: ``file:line`` or ``-s key=value``.
    where: str
    #: Relative paths that the key holds start here.
    folder: Path


@frozen
class RecipeFile:
    """The merged tables of a recipe."""

    #: The recipe's name: its file's, without the suffix.
    name: str
    #: How the file was named by the person.
    shown: str
    tables: dict[str, Any]
    origins: dict[Key, Origin] = field(repr=False)

    def origin(self, key: Key) -> Origin:
        """Who states ``key``, or the nearest table around it that somebody states."""
        while key and key not in self.origins:
            key = key[:-1]
        return self.origins.get(key, Origin(self.shown, Path()))


def shipped_folder() -> Path:
    """The recipes that come with the package: inside it when installed, at the top of a checkout otherwise."""
    package = Path(__file__).parent
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parents[1] / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """Shipped recipes by bare name, such as ``dcgan`` or ``notebook/n01``."""
    folder = shipped_folder()
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.toml"))}


def find_recipe(stated: str) -> Path:
    """A path to a recipe, or the bare name of a shipped one. Raises UserError naming the nearest."""
    path = Path(stated)
    if path.suffix == ".toml" and path.is_file():
        return path
    shipped = shipped_recipes()
    name = path.with_suffix("").as_posix() if path.suffix == ".toml" else path.as_posix()
    for candidate in (name, name.removeprefix("recipes/")):
        if candidate in shipped:
            return shipped[candidate]
    if path.is_dir():
        raise UserError(f"{stated} is a folder; a recipe is a .toml file")
    raise UserError(f"there is no recipe {stated!r}, neither a file nor a shipped recipe.{did_you_mean(name, shipped)}")


def load(stated: str, overrides: Iterable[str] = ()) -> RecipeFile:
    """Read a recipe, what it extends, and the overrides. Raises RecipeError or UserError."""
    path = find_recipe(stated)
    tables, origins = _read(path, ())
    recipe = RecipeFile(path.stem, _shown(path), tables, origins)
    problems = [problem for override in overrides if (problem := _override(recipe, override))]
    if problems:
        raise RecipeError(problems)
    return recipe


def _read(path: Path, seen: tuple[Path, ...]) -> tuple[dict[str, Any], dict[Key, Origin]]:
    shown = _shown(path)
    resolved = path.resolve()
    tables, lines = read_toml(path, shown)
    where = f"{shown}:{lines.get(('extends',), 1)}"
    if resolved in seen:
        chain = " -> ".join(_shown(step) for step in (*seen[seen.index(resolved) :], resolved))
        raise RecipeError([Problem(shown, "extends", f"the recipe extends itself: {chain}")])
    if len(seen) >= MAX_EXTENDS:
        raise RecipeError([Problem(where, "extends", f"more than {MAX_EXTENDS} recipes extend each other")])
    origins = {key: Origin(f"{shown}:{line}", path.parent) for key, line in lines.items()}
    parent = tables.pop("extends", None)
    origins.pop(("extends",), None)
    if parent is None:
        return tables, origins
    if not isinstance(parent, str):
        raise RecipeError([Problem(where, "extends", f"expected the path of a recipe, not {parent!r}")])
    beside = path.parent / parent
    shipped = shipped_recipes()
    if not beside.is_file() and parent.removesuffix(".toml") in shipped:
        beside = shipped[parent.removesuffix(".toml")]
    if not beside.is_file():
        known = [other.name for other in path.parent.glob("*.toml")] + list(shipped)
        what = f"there is no recipe {parent!r} beside this file, nor among the shipped ones."
        raise RecipeError([Problem(where, "extends", what + did_you_mean(parent, known))])
    below, below_origins = _read(beside, (*seen, resolved))
    _merge(below, below_origins, tables, origins, ())
    return below, below_origins


def _merge(
    below: dict[str, Any], below_origins: dict[Key, Origin], above: dict[str, Any], origins: dict[Key, Origin], at: Key
) -> None:
    """Lay ``above`` over ``below``: tables merge, anything else replaces; a table that states ``use`` replaces."""
    for name, value in above.items():
        key = (*at, name)
        beneath = below.get(name)
        if isinstance(value, dict) and isinstance(beneath, dict) and "use" not in value:
            _merge(beneath, below_origins, value, origins, key)
        else:
            for old in [old for old in below_origins if old[: len(key)] == key]:
                del below_origins[old]
            below[name] = value
            below_origins.update((new, origin) for new, origin in origins.items() if new[: len(key)] == key)
        if key in origins:
            below_origins[key] = origins[key]


def _override(recipe: RecipeFile, override: str) -> Problem | None:
    """Apply ``key=value`` to ``recipe`` in place."""
    where = f"-s {override}"
    stated, equals, text = override.partition("=")
    key = tuple(part.strip() for part in stated.split("."))
    if not equals or not all(key):
        return Problem(where, "", "expected key=value, such as players.generator.losses.l1.weight=5")
    table: Any = recipe.tables
    for depth, name in enumerate(key):
        last = depth == len(key) - 1
        named = any(_matches(pattern, key[:depth]) for pattern in _NAMED)
        if name not in table and (named or not last):
            at = ".".join(key[:depth]) or "the recipe"
            return Problem(where, "", f"{at} has no {name!r}, and -s cannot invent one.{did_you_mean(name, table)}")
        if not last:
            table = table[name]
            if not isinstance(table, dict):
                return Problem(where, "", f"{'.'.join(key[: depth + 1])} is {table!r}, not a table")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    for old in [old for old in recipe.origins if old[: len(key)] == key]:
        del recipe.origins[old]
    table[key[-1]] = value
    recipe.origins[key] = Origin(where, Path())
    return None


def _matches(pattern: Key, key: Key) -> bool:
    return len(pattern) == len(key) and all(part in ("*", name) for part, name in zip(pattern, key, strict=True))


def _shown(path: Path) -> str:
    """The path as a person would type it: relative to where they stand when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) <= len(str(path)) else str(path)


def plain(tables: Mapping[str, Any]) -> str:
    """The tables as TOML, to be written into a run and read back by ``load``."""
    import tomli_w

    return tomli_w.dumps(tables)
