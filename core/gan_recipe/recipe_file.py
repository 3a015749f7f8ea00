"""A recipe as it is written: files merged by ``extends``, overrides applied, every key with its origin.

What the keys mean is not known here; ``check`` knows.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from gan_recipe.errors import AmbiguousNameError, Problem, RecipeError, UserError, did_you_mean, nearest
from gan_recipe.toml_file import MAX_DEPTH, Key, read_toml, value_problems
from gan_recipe.toml_value import as_key, cut, shortened

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
        return self.origins.get(key, Origin(f"{self.shown}:1", Path()))


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
    """A path to a recipe, or the bare name of a shipped one or how only one begins: ``n09``.

    Raises UserError naming the nearest.
    """
    path = Path(stated)
    is_file = os.path.isfile(path)
    if is_file and path.suffix == ".toml":
        return path
    shipped = shipped_recipes()
    name = stated.removesuffix(".toml").removeprefix("./")
    for candidate in (name, name.removeprefix("recipes/")):
        if candidate in shipped:
            return shipped[candidate]
    if is_file:
        raise UserError(f"{stated} is a file, but no recipe: the name of a recipe's file ends with .toml")
    if os.path.isfile(Path(f"{stated}.toml")):
        raise UserError(f"there is no recipe {stated!r}. Did you mean {f'{stated}.toml'!r}?")
    if found := _by_beginning(stated, shipped):
        return found
    if not stated or os.path.isdir(stated):
        raise UserError(f"{stated!r} is a folder; a recipe is a .toml file")
    beside = [f"{path.parent / other.name}" for other in _toml_files(path.parent)]
    hint = did_you_mean(stated, beside) if nearest(stated, beside) else did_you_mean(name, shipped)
    raise UserError(f"there is no recipe {stated!r}, neither a file nor a shipped recipe.{hint}")


def _by_beginning(stated: str, shipped: Mapping[str, Path]) -> Path | None:
    """The shipped recipe whose name, its folder left out or not, begins with ``stated``.

    One in which a word ends there comes before others: ``n1`` is n1_first, not n10_tenth. Raises AmbiguousNameError
    for several.
    """
    if not re.fullmatch(r"[\w/-]+", stated):
        return None
    found = [name for name in shipped if stated in (name[: len(stated)], name.rpartition("/")[2][: len(stated)])]
    words = [name for name in found if re.search(rf"(^|/){re.escape(stated)}(_|-|$)", name)]
    if len(chosen := words or found) > 1:
        some = ", ".join(chosen[:12]) + (", …" if len(chosen) > 12 else "")
        raise AmbiguousNameError(f"{stated!r} may be any of {len(chosen)} recipes: {some}. State more of the name")
    return shipped[chosen[0]] if chosen else None


def load(stated: str, overrides: Iterable[str] = ()) -> RecipeFile:
    """Read a recipe, what it extends, and the overrides. Raises RecipeError or UserError."""
    recipe, problems = read(stated, overrides)
    if problems:
        raise RecipeError(problems)
    return recipe


def read(stated: str, overrides: Iterable[str] = ()) -> tuple[RecipeFile, list[Problem]]:
    """``load`` that leaves out the overrides that are wrong and tells what is, so that the rest can be checked too.

    Raises RecipeError for a file that cannot be read and UserError when there is none.
    """
    path = find_recipe(stated)
    tables, origins = _read(path, ())
    recipe = RecipeFile(path.stem, _shown(path), tables, origins)
    problems = [problem for override in overrides for problem in _override(recipe, override)]
    return recipe, problems


def plain(tables: Mapping[str, Any]) -> str:
    """The tables as TOML, to be written into a run and read back by ``load``."""
    import tomli_w

    return tomli_w.dumps(tables)


def _read(path: Path, below: tuple[Path, ...]) -> tuple[dict[str, Any], dict[Key, Origin]]:
    """The tables of a file and of what it extends; ``below`` are the files that extend it."""
    shown = _shown(path)
    tables, lines = read_toml(path, shown)
    origins = {key: Origin(f"{shown}:{line}", path.parent) for key, line in lines.items()}
    if "extends" not in tables:
        return tables, origins

    def refuse(what: str) -> RecipeError:
        return RecipeError([Problem(f"{shown}:{lines.get(('extends',), 1)}", "extends", what)])

    parent = tables.pop("extends")
    origins = {key: origin for key, origin in origins.items() if key[0] != "extends"}
    if not isinstance(parent, str):
        raise refuse(f"expected the path of a recipe, not {shortened(parent)}")
    found = _beside(path, parent)
    if found is None:
        known = [other.name for other in _toml_files(path.parent) if other != path] + list(shipped_recipes())
        what = f"there is no recipe {parent!r} beside this file, nor among the shipped ones."
        raise refuse(what + did_you_mean(parent, known))
    chain = (*below, path.resolve())
    if found.resolve() in chain:
        round_trip = [*chain[chain.index(found.resolve()) :], found.resolve()]
        told = " -> ".join(map(_shown, round_trip))
        raise refuse(f"the recipe extends itself: {told}. Extend another recipe, or none")
    if len(chain) >= MAX_EXTENDS:
        raise refuse(f"more than {MAX_EXTENDS} recipes extend each other")
    merged, merged_origins = _read(found, chain)
    replaced: set[Key] = set()
    _merge(merged, tables, (), replaced)
    kept = {
        key: origin
        for key, origin in merged_origins.items()
        if not any(key[:length] in replaced for length in range(1, len(key) + 1))
    }
    return merged, kept | origins


def _beside(path: Path, stated: str) -> Path | None:
    """The recipe that ``path`` calls ``stated``: a file beside it, or a shipped one."""
    beside = path.parent / stated
    return beside if os.path.isfile(beside) else shipped_recipes().get(stated.removesuffix(".toml"))


def _merge(below: dict[str, Any], above: dict[str, Any], at: Key, replaced: set[Key]) -> None:
    """Lay ``above`` over ``below``: tables merge, anything else replaces; a table that states ``use`` replaces."""
    for name, value in above.items():
        beneath = below.get(name)
        if isinstance(value, dict) and isinstance(beneath, dict) and "use" not in value:
            _merge(beneath, value, (*at, name), replaced)
        else:
            below[name] = value
            replaced.add((*at, name))


# ------------------------------------------------------------------------------------------------------- overrides


def _override(recipe: RecipeFile, override: str) -> list[Problem]:
    """Apply ``key=value`` to ``recipe`` in place, or say what is wrong with it."""
    where = f"-s {cut(override)}"
    stated, equals, text = override.partition("=")
    key = _key(stated)
    if not equals or key is None:
        return [Problem(where, "", "expected key=value, such as players.generator.losses.l1.weight=5")]
    value = _value(text)
    table: Any = recipe.tables
    for depth, name in enumerate(key):
        last = depth == len(key) - 1
        around = key[:depth]
        named = any(_matches(pattern, around) for pattern in _NAMED)
        if name not in table and (named or not last):
            return [Problem(where, "", _invented(around, name, table))]
        if not last:
            table = table[name]
            if not isinstance(table, dict):
                at = ".".join(key[: depth + 1])
                return [Problem(where, "", f"{at} is {shortened(table)}, which holds no {key[depth + 1]!r}")]
    before = table.get(key[-1])
    if isinstance(value, dict) and isinstance(before, dict) and any(_matches(pattern, key) for pattern in _NAMED):
        # The whole table at once: its entries are names, of which none may be new.
        for name in value:
            if name not in before:
                return [Problem(where, "", _invented(key, name, before))]
    if problems := [Problem(where, ".".join(map(as_key, at)), what) for at, what in value_problems(value, key)]:
        return problems
    for old in [old for old in recipe.origins if old[: len(key)] == key]:
        del recipe.origins[old]
    table[key[-1]] = value
    recipe.origins[key] = Origin(where, Path())
    return []


def _invented(around: Key, name: str, known: Mapping[str, Any]) -> str:
    at = ".".join(around) or "the recipe"
    return f"{at} has no {name!r}, and -s changes what is there, it adds nothing.{did_you_mean(name, known)}"


def _key(stated: str) -> Key | None:
    """``a.b."c d"`` as its parts; None when it is no key."""
    if "\n" in stated or stated.count(".") >= MAX_DEPTH:
        return None
    try:
        found: Any = tomllib.loads(f"{stated} = 0")
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


def _matches(pattern: Key, key: Key) -> bool:
    return len(pattern) == len(key) and all(part in ("*", name) for part, name in zip(pattern, key, strict=True))


# ------------------------------------------------------------------------------------------------------- paths


def _toml_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.glob("*.toml"))
    except (OSError, ValueError):  # such as a name that is too long, or that holds a zero byte
        return []


def _shown(path: Path) -> str:
    """The path as a person would type it: relative to where they stand when that is shorter."""
    relative = os.path.relpath(path)
    return relative if len(relative) <= len(str(path)) else str(path)
