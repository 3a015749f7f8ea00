"""Labels out of file names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from gan_recipe_plugins._image_folder.nearest import nearest, quoted


@frozen
class Labels:
    """What the names of the files state."""

    #: The files that match, sorted.
    names: tuple[str, ...]
    #: The files that do not.
    unmatched: tuple[str, ...]
    #: For each group the value of every file in ``names``.
    values: Mapping[str, tuple[str, ...]]
    #: For each group its values in the order of their classes.
    classes: Mapping[str, tuple[str, ...]]

    def meets(self, file: int, conditions: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether the file has one of the stated values in every stated group."""
        return all(self.values[group][file] in values for group, values in conditions.items())


def read_labels(
    folder: Path, names: Sequence[str], pattern: str, order: Mapping[str, tuple[str, ...]], setting: str
) -> Labels:
    """Match every name, without its folder, whole; an empty pattern matches all and gives no labels.

    Classes are numbered by ``order``, else by number where all values are whole numbers, else alphabetically. Raises
    ValueError when nothing matches, or ``order`` lacks a value that occurs.
    """
    if not pattern:
        return Labels(tuple(names), (), {}, {})
    compiled = re.compile(pattern)
    groups = tuple(compiled.groupindex)
    matched: list[str] = []
    unmatched: list[str] = []
    columns: dict[str, list[str]] = {group: [] for group in groups}
    for name in names:
        match = compiled.fullmatch(name.rpartition("/")[2])
        if match is None:
            unmatched.append(name)
            continue
        matched.append(name)
        for group in groups:
            columns[group].append(match[group] or "")  # an optional group that takes no part
    if not matched:
        raise ValueError(
            f"{setting}: none of the {len(names)} images in {str(folder)!r}, such as {quoted(names[:2])}, matches "
            f"{pattern!r}; write a pattern that fits a whole file name, its suffix included"
        )
    classes = {group: _classes(group, set(columns[group]), order.get(group)) for group in groups}
    values = {group: tuple(columns[group]) for group in groups}
    return Labels(tuple(matched), tuple(unmatched), values, classes)


def check_value(setting: str, group: str, value: str, labels: Labels) -> None:
    """Raise ValueError when no file has ``value`` in ``group``."""
    known = labels.values[group]
    if value not in known:
        raise ValueError(
            f"{setting}: no file name has the {group} {value!r}; state one that occurs. {nearest(value, known)}"
        )


def _classes(group: str, values: set[str], order: tuple[str, ...] | None) -> tuple[str, ...]:
    if order is not None:
        if missing := sorted(values.difference(order)):
            hint = nearest(missing[0], order)
            raise ValueError(
                f"order.{group} lacks {quoted(missing[:5])}, which file names have; add what is missing. {hint}"
            )
        return order
    try:
        return tuple(sorted(values, key=lambda value: (int(value), value)))
    except ValueError:
        return tuple(sorted(values))
