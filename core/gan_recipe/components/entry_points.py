"""What installed distributions declare in the entry-point group of plugins.

``importlib.metadata`` answers the same question, at a price: importing it (``email``, ``zipfile``, ``csv``) and asking
cost as much CPU as importing click, at every ``check`` and ``list``. Here the same files are read without it, wherever
they are plain files in folders; where they are not (zip archives, eggs, finders of somebody's own), it is asked.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

_SUFFIXES = (".dist-info", ".egg-info")


@frozen
class EntryPoint:
    """A line ``name = module:attribute`` of a distribution's ``entry_points.txt``."""

    name: str
    #: ``module`` or ``module:attribute``.
    value: str
    #: The folder of the distribution's metadata; or, where it is told, ``name version``.
    _told: Path | str = field(alias="told")

    @property
    def distribution(self) -> str:
        """``name version`` of the distribution."""
        return self._told if isinstance(self._told, str) else _name_and_version(self._told)

    def load(self) -> Any:
        """Import what the entry point names; raises whatever that raises."""
        module, _, attribute = self.value.partition("[")[0].partition(":")
        found: Any = importlib.import_module(module.strip())
        for name in filter(None, attribute.strip().split(".")):
            found = getattr(found, name)
        return found


def entry_points(group: str) -> list[EntryPoint]:
    """The entry points of every distribution on ``sys.path``; of two with one name, the first hides the other."""
    if not _are_plain(sys.path):
        return _asked(group)
    seen: set[str] = set()
    return [entry for folder in sys.path for entry in _in_folder(folder or ".", group, seen)]


def _are_plain(folders: Iterable[str]) -> bool:
    finders = [finder for finder in sys.meta_path if hasattr(finder, "find_distributions")]
    own = [finder for finder in finders if getattr(finder, "__module__", "") != "_frozen_importlib_external"]
    return not own and not any(
        folder.lower().rstrip("/").endswith(".egg") or os.path.isfile(folder) for folder in folders
    )


def _in_folder(folder: str, group: str, seen: set[str]) -> Iterator[EntryPoint]:
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        stem, suffix = os.path.splitext(name)
        if suffix.lower() not in _SUFFIXES:
            continue
        distribution = re.sub(r"[-_.]+", "_", stem.partition("-")[0]).lower()
        if distribution in seen:
            continue
        seen.add(distribution)
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError):
            continue
        if group in text:
            yield from (EntryPoint(*pair, Path(folder, name)) for pair in _parse(text, group))


def _parse(text: str, group: str) -> Iterator[tuple[str, str]]:
    section = None
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif section == group and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _name_and_version(folder: Path) -> str:
    told = {}
    for file in ("METADATA", "PKG-INFO"):
        try:
            head, _, _ = (folder / file).read_text(encoding="utf-8", errors="replace").partition("\n\n")
        except OSError:
            continue
        told = {name: value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}
        break
    name, _, version = folder.stem.partition("-")
    return f"{told.get('Name', name)} {told.get('Version', version)}"


def _asked(group: str) -> list[EntryPoint]:
    from importlib import metadata

    return [
        EntryPoint(each.name, each.value, f"{each.dist.name} {each.dist.version}" if each.dist else each.value)
        for each in metadata.entry_points(group=group)
    ]
