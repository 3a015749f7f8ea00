"""How large a checkpoint and a sheet of a recipe are, remembered from whoever built its networks last. No torch.

Only built networks tell it, and building takes torch and seconds. What was measured is kept by a digest of all in the
recipe that decides it, and counts for the code that it was measured with; a table of the shipped recipes comes with
them (``recipes/sizes.json``), and ``tests/test_known_sizes.py`` holds it true. Nothing is guessed: what is not known is
not told.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from gan_recipe.cache import cache_folder
from gan_recipe.interfaces import Component
from gan_recipe.language.dataflow import below
from gan_recipe.language.nodes_read import nodes_read
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import shipped_folder
from gan_recipe.runs.durable import replace_file

# A recipe's sizes are a file of one line; the oldest go when there are more.
_MOST = 256

# A path, and what tells whether what is there has changed: its size and its time.
_Stamp = tuple[str, int, int]


@attrs.frozen
class Sizes:
    """In bytes."""

    checkpoint: int
    #: 0 where the recipe draws no sheet.
    sheet: int


def known_sizes(recipe: Recipe) -> Sizes | None:
    """The sizes of a recipe that was built before by this very code, or that is shipped; None for any other."""
    shape = shape_digest(recipe)
    line = _kept(shape)
    # The digest of the code looks at every installed distribution; most recipes are checked before they are built.
    return (_told(line, _with_code(recipe, shape)) if line else None) or _shipped(shape)


def remember_sizes(recipe: Recipe, sizes: Sizes) -> None:
    """Keep what was measured on built networks, in place of what other code made of such a recipe.

    Where nothing can be written, nothing is kept.
    """
    shape = shape_digest(recipe)
    with suppress(OSError):
        folder = _folder()
        folder.mkdir(exist_ok=True)
        replace_file(folder / shape, _line(_with_code(recipe, shape), sizes))
        kept = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kept[:-_MOST]:
            old.unlink(missing_ok=True)


def shape_digest(recipe: Recipe) -> str:
    """A sha256 of everything in a recipe that decides how large its checkpoints and sheets are.

    The batch is left out: a network that keeps something for each of its samples may be a stranger's, but is none of
    those of the table.
    """
    nodes = [node for _, node, _ in nodes_read(recipe)]
    number = {node: place for place, node in enumerate(below(nodes))}
    told = {
        "data": {name: [recipe.data_use[name], _settings(data)] for name, data in recipe.data.items()},
        "fields": {name: [list(field.shape), field.dtype, field.classes] for name, field in recipe.fields.items()},
        "networks": {
            # What first weights are decides how well the first sheet, which is no image yet, can be packed.
            name: [
                spec.use,
                _settings(spec.component),
                {of: [init.name, init.options] for of, init in spec.init.items()},
            ]
            for name, spec in recipe.networks.items()
        },
        "calls": [
            [node.name, None if node.arguments is None else [number[argument] for argument in node.arguments]]
            for node in number
        ],
        "read": [number[node] for node in nodes],
        "players": {
            name: {
                "trains": player.trains,
                "optimizer": [player.optimizer.name, {**player.optimizer.options, "lr": None}],
                "average": player.ema is not None,
                "constraints": [[each.use, _settings(each.component), each.on] for each in player.constraints.values()],
            }
            for name, player in recipe.players.items()
        },
        "sheet": [recipe.sheet.columns, [number[node] for node in recipe.columns], recipe.sheet.rows],
    }
    return hashlib.sha256(json.dumps(told, default=repr).encode()).hexdigest()


def _settings(component: Component) -> dict[str, Any]:
    """All of them, defaults included, so that a default that changes is another recipe."""
    return attrs.asdict(component, recurse=False)  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------- what was measured


def _kept(shape: str) -> str | None:
    try:
        with (_folder() / shape).open(encoding="ascii") as file:
            return file.read(200)
    except (OSError, ValueError):
        return None


def _told(line: str, digest: str) -> Sizes | None:
    """What a kept line says, if it is whole and of this very code."""
    try:
        checkpoint, sheet, _ = line.split()
        sizes = Sizes(int(checkpoint), int(sheet))
    except ValueError:
        return None
    return sizes if line == _line(digest, sizes) else None


def _line(digest: str, sizes: Sizes) -> str:
    """Two numbers and their checksum, which is of this digest too: a file under another's name says nothing."""
    numbers = f"{sizes.checkpoint} {sizes.sheet}"
    return f"{numbers} {hashlib.sha256(f'{digest} {numbers}'.encode()).hexdigest()}\n"


def _folder() -> Path:
    return cache_folder() / "sizes"


def _with_code(recipe: Recipe, shape: str) -> str:
    """The digest of a recipe and of the code that would build it here and now."""
    components: list[Component] = [*recipe.data.values(), *(spec.component for spec in recipe.networks.values())]
    components += [each.component for player in recipe.players.values() for each in player.constraints.values()]
    classes = {base for component in components for base in type(component).__mro__}
    packages = {cls.__module__.partition(".")[0] for cls in classes} - {"builtins"}
    code = [list(_installed()), {name: list(_sources(name)) for name in sorted(packages)}]
    return hashlib.sha256(json.dumps([shape, recipe.run.batch, code]).encode()).hexdigest()


def _installed() -> Iterator[_Stamp]:
    """Every distribution that is installed, by name and version: any of them may be what a network is made of."""
    for folder in sys.path:
        with suppress(OSError), os.scandir(folder or ".") as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.name.endswith((".dist-info", ".egg-info")):
                    yield from _stamp(entry.path)


def _sources(name: str) -> Iterator[_Stamp]:
    """Every source file of a package that is imported, with its size and time: somebody may be working on it."""
    module = sys.modules.get(name)
    folders = getattr(module, "__path__", None)
    if folders is None:
        yield from _stamp(getattr(module, "__file__", None) or "")
        return
    pending = [str(folder) for folder in folders]
    while pending:
        with suppress(OSError), os.scandir(pending.pop()) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                if entry.is_dir():
                    pending.append(entry.path)
                elif entry.name.endswith(".py"):
                    yield from _stamp(entry.path)


def _stamp(path: str) -> Iterator[_Stamp]:
    with suppress(OSError):
        told = os.stat(path)
        yield path, told.st_size, told.st_mtime_ns


# ------------------------------------------------------------------------------------------------- what is shipped


def sizes_table() -> Path:
    """The file of the shipped recipes' sizes, by their names."""
    return shipped_folder() / "sizes.json"


def _shipped(shape: str) -> Sizes | None:
    try:
        table = json.loads(sizes_table().read_text(encoding="utf-8"))
        for of in table.values():
            if of["recipe"] == shape:
                return Sizes(int(of["checkpoint"]), int(of["sheet"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # somebody has changed the installed file
    return None
