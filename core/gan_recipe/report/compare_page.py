"""The page of several runs: what they state differently, the same held-out inputs side by side, aligned curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from gan_recipe.errors import UserError
from gan_recipe.language.recipe_diff import Change, difference, is_same
from gan_recipe.language.toml_file import Key
from gan_recipe.report.curves import curves, read_curves
from gan_recipe.report.film import films
from gan_recipe.report.page import link_if_written, rendered
from gan_recipe.report.pictures import MOST_SHEETS
from gan_recipe.runs.history import read_entry
from gan_recipe.runs.run_folder import RunFolder

#: More runs than this make a page that nobody can read.
MOST_RUNS = 12
_SHEETS = 60
_MOST_SETTINGS = 200


@frozen
class Setting:
    """A setting that the runs do not all have alike."""

    name: str
    #: As each run has it, as TOML; None where a run's recipe does not state it.
    values: tuple[str | None, ...]


def compare_page(runs: Sequence[RunFolder], folder: Path) -> str:
    """The page as HTML, to be written into ``folder``. Raises UserError for fewer runs than two, or what is no run."""
    if not 2 <= len(runs) <= MOST_RUNS:
        raise UserError(f"a comparison is of 2 to {MOST_RUNS} runs, not of {len(runs)}")
    described = [run.describe() for run in runs]
    entries = list(map(read_entry, runs))
    names = [run.name for run in runs]
    tables, unread = _tables(runs)
    figures = dict.fromkeys(name for entry in entries for name in entry.figures)
    return rendered(
        "compare.html.jinja",
        ["charts", "film"],
        title=" · ".join(names),
        names=names,
        entries=entries,
        links=[link_if_written(run, folder) for run in runs],
        figures=[(name[:120], [entry.figures.get(name) for entry in entries]) for name in list(figures)[:100]],
        film=films(list(runs), max(2, min(MOST_SHEETS, _SHEETS // len(runs)))),
        other_inputs=_other_inputs(tables, described),
        curves=curves(names, [read_curves(run) for run in runs]),
        verdicts=[[verdict for verdict in entry.verdicts[:20]] for entry in entries],
        settings=_settings(tables)[:_MOST_SETTINGS],
        unread=unread,
    )


def _tables(runs: Sequence[RunFolder]) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Each run's resolved tables, empty where there are none; and the runs of which there are none."""
    from gan_recipe.language.recipe_file import load

    found: list[Mapping[str, Any]] = []
    unread = []
    for run in runs:
        try:
            found.append(load(str(run.recipe)).tables)
        except UserError:
            found.append({})
            unread.append(run.name)
    return found, unread


def _settings(tables: Sequence[Mapping[str, Any]]) -> list[Setting]:
    from gan_recipe.components.registry import Registry
    from gan_recipe.language.recipe_defaults import RecipeDefaults

    read = [index for index, table in enumerate(tables) if table]
    if len(read) < 2:
        return []
    defaults = RecipeDefaults(Registry.installed())
    first = read[0]
    changes: dict[Key, dict[int, Change]] = {}
    for index in read[1:]:
        for change in difference(tables[first], tables[index], defaults):
            changes.setdefault(change.key, {})[index] = change
    found = []
    for key in sorted(changes):
        by_run = changes[key]
        before = next(iter(by_run.values())).told[0]
        values = tuple(
            None if index not in read else by_run[index].told[1] if index in by_run else before
            for index in range(len(tables))
        )
        found.append(Setting(next(iter(by_run.values())).name, values))
    return found


def _other_inputs(tables: Sequence[Mapping[str, Any]], described: Sequence[Mapping[str, Any]]) -> list[str]:
    """What makes the held-out inputs of these runs differ, or may: they follow from the data and these settings."""
    found = ["the data itself"] if any(told.get("data") != described[0].get("data") for told in described) else []
    for key in (("data",), ("run", "seed"), ("run", "batch")):
        if any(not is_same(_at(table, key), _at(tables[0], key)) for table in tables):
            found.append(".".join(key))
    return found


def _at(table: Any, key: Key) -> Any:
    for name in key:
        table = table.get(name) if isinstance(table, Mapping) else None
    return table
