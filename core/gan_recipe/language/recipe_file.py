"""A recipe as it is written: files merged by ``extends``, every key with its origin.

What the keys mean is not known here; ``check`` knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import field, frozen

from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import AmbiguousNameError, Problem, RecipeError, UserError, did_you_mean, nearest
from gan_recipe.language.toml_file import Key, read_toml

MAX_EXTENDS = 64
#: The shipped folder that holds no recipes, but what is laid over them.
OVERLAYS = "overlays"
_SHIPPED = "`gan-recipe recipes` lists the shipped ones."


@frozen
class Origin:
    """Who states a key."""

    #: ``file:line``, of a recipe or of an overlay, or ``-s key=value``.
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
    package = Path(__file__).parents[1]
    installed = package / "recipes"
    return installed if installed.is_dir() else package.parents[1] / "recipes"


def shipped_recipes() -> dict[str, Path]:
    """Shipped recipes by bare name, such as ``dcgan`` or ``notebook/n03_siamese_train_3``."""
    folder = shipped_folder()
    found = {path.relative_to(folder): path for path in sorted(folder.rglob("*.toml"))}
    return {name.with_suffix("").as_posix(): path for name, path in found.items() if name.parts[0] != OVERLAYS}


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
    if not stated:
        raise UserError(f"the recipe's name is empty. {_SHIPPED}")
    if os.path.isdir(stated):
        raise UserError(f"{stated!r} is a folder; a recipe is a .toml file")
    beside = [f"{path.parent / other.name}" for other in _toml_files(path.parent)]
    hint = did_you_mean(stated, beside) if nearest(stated, beside) else did_you_mean(name, shipped)
    raise UserError(f"there is no recipe {stated!r}, neither a file nor a shipped recipe.{hint or f' {_SHIPPED}'}")


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


def load(stated: str) -> RecipeFile:
    """Read a recipe and what it extends. Raises RecipeError or UserError."""
    path = find_recipe(stated)
    tables, origins = _read(path, ())
    return RecipeFile(path.stem, _shown(path), tables, origins)


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
