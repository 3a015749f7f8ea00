"""The file ``space.toml`` of a sweep: which keys of a recipe are tried, and between which bounds.

::

    metric    = "l1"
    direction = "minimize"

    [space]
    players.critic.optimizer.lr        = { low = 1e-5, high = 1e-2, log = true }
    players.generator.losses.l1.weight = { choices = [1, 10, 100] }
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from attrs import frozen

from gan_recipe.components.registry import Registry
from gan_recipe.components.toml_value import as_key, as_toml, shortened
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.toml_file import Key, read_toml
from gan_recipe.runs.check_recipe import check

_DIRECTIONS = ("minimize", "maximize")
_OF_RANGE = ("low", "high", "log", "step")


@frozen
class Choices:
    """One of a few values, each as TOML."""

    key: str
    texts: tuple[str, ...]


@frozen
class Range:
    """A number from ``low`` to ``high``, both included; a whole one when both are."""

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None

    @property
    def whole(self) -> bool:
        return all(type(bound) is int for bound in (self.low, self.high))


@frozen
class Space:
    """A checked search space."""

    metric: str
    direction: Literal["minimize", "maximize"]
    dimensions: tuple[Choices | Range, ...]


def read_space(
    stated: str,
    recipe: Recipe,
    stated_recipe: str,
    registry: Registry,
    *,
    overrides: Iterable[str] = (),
    overlays: Iterable[str] = (),
    metric: str | None = None,
) -> Space:
    """Read and check a space for a sound ``recipe``, called ``stated_recipe``. ``metric`` replaces the file's.

    Every dimension is tried on the recipe at its ends, or at each choice. Raises RecipeError with everything wrong.
    """
    path = Path(stated)
    shown = os.path.relpath(path) if path.is_absolute() else stated
    tables, lines = read_toml(path, shown)
    problems: list[Problem] = []

    def report(key: Key, what: str) -> None:
        at = key
        while at and at not in lines:
            at = at[:-1]
        where = f"{shown}:{lines[at]}" if at else shown
        problems.append(Problem(where, ".".join(map(as_key, key)), what))

    for name in tables:
        if name not in ("metric", "direction", "space"):
            report((name,), f"there is no such key.{did_you_mean(name, ('metric', 'direction', 'space'))}")
    wanted = metric if metric is not None else tables.get("metric")
    if not isinstance(wanted, str) or wanted not in recipe.metrics:
        told = "'metric' is missing: state one here, or by --metric" if wanted is None else f"no metric {wanted!r}"
        hint = did_you_mean(str(wanted), recipe.metrics) or " It states none; a sweep needs one."
        report(("metric",) if "metric" in tables else (), f"{told}: the recipe's are meant.{hint}")
    direction = tables.get("direction")
    if direction not in _DIRECTIONS:
        report(("direction",), f'expected "minimize" or "maximize", not {shortened(direction)}')
    dimensions: list[Choices | Range] = []
    stated_space = tables.get("space")
    entries = list(_entries(stated_space, ())) if isinstance(stated_space, dict) else []
    if not entries:
        report(("space",), "nothing to try: state keys, such as networks.trunk.width = { choices = [0.5, 1] }")
    for key, entry in entries:
        found = _dimension(key, entry, lambda at, what: report(("space", *at), what))
        if found is None:
            continue
        dimensions.append(found)
        ends = found.texts if isinstance(found, Choices) else (as_toml(found.low), as_toml(found.high))
        for text in ends:
            try:
                check(stated_recipe, [*overrides, f"{found.key}={text}"], registry, overlays=overlays)
            except RecipeError as error:
                report(("space", *key), f"the recipe refuses {text}: {error.problems[0].what}")
                break
    if problems:
        raise RecipeError(problems)
    assert isinstance(wanted, str) and direction in _DIRECTIONS
    return Space(wanted, "minimize" if direction == "minimize" else "maximize", tuple(dimensions))


def _entries(table: Mapping[str, Any], at: Key) -> Iterator[tuple[Key, Any]]:
    """The keys of the recipe that a space names, with what it says of each."""
    for name, value in table.items():
        if isinstance(value, dict) and not {"choices", *_OF_RANGE} & set(value) and value:
            yield from _entries(value, (*at, name))
        else:
            yield (*at, name), value


def _dimension(key: Key, entry: Any, report: Any) -> Choices | Range | None:
    name = ".".join(map(as_key, key))
    if not isinstance(entry, dict):
        report(key, f"expected {{ low = ..., high = ... }} or {{ choices = [...] }}, not {shortened(entry)}")
        return None
    known = ("choices",) if "choices" in entry else _OF_RANGE
    if unknown := [each for each in entry if each not in known]:
        for each in unknown:
            report((*key, each), f"there is no such key here.{did_you_mean(each, known)}")
        return None
    if "choices" in entry:
        choices = entry["choices"]
        if not isinstance(choices, list) or not choices:
            report((*key, "choices"), f"expected a list of values, not {shortened(choices)}")
            return None
        return Choices(name, tuple(dict.fromkeys(map(as_toml, choices))))
    for each in ("low", "high"):
        if type(entry.get(each)) not in (int, float):
            report(
                (*key, each), f"expected a number, not {shortened(entry[each])}" if each in entry else "it is missing"
            )
            return None
    low, high, log, step = entry["low"], entry["high"], entry.get("log", False), entry.get("step")
    if type(low) is not type(high):
        low, high = float(low), float(high)
    wrong = None
    if not low < high:
        wrong = ("low", f"expected less than high = {high:g}, not {low:g}")
    elif type(log) is not bool:
        wrong = ("log", f"expected true or false, not {shortened(log)}")
    elif log and low <= 0:
        wrong = ("low", f"expected more than 0 on a logarithmic scale, not {low:g}")
    elif log and step is not None:
        wrong = ("step", "a logarithmic scale has no steps; state one of the two")
    elif step is not None and (type(step) not in (int, float) or not step > 0):
        wrong = ("step", f"expected a number above 0, not {shortened(step)}")
    elif step is not None and type(low) is int and type(step) is not int:
        wrong = ("step", f"expected a whole number, as low and high are, not {shortened(step)}")
    if wrong:
        report((*key, wrong[0]), wrong[1])
        return None
    return Range(name, low, high, log, step)
