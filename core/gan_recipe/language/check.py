"""From a recipe's text to a checked recipe, without importing torch: every problem is found, none stops the search."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.interfaces import Data
from gan_recipe.language.check_calls import Parts, check_calls, without_dropped
from gan_recipe.language.check_data import read_data
from gan_recipe.language.check_doctor import read_doctor
from gan_recipe.language.check_metrics import read_metrics
from gan_recipe.language.check_networks import read_networks
from gan_recipe.language.check_players import read_players
from gan_recipe.language.check_recovery import check_changed, read_recovery
from gan_recipe.language.check_schedule import read_schedule
from gan_recipe.language.findings import read_silence
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import RecipeFile, load
from gan_recipe.language.recipe_settings import TABLES, RunSettings, SheetSettings
from gan_recipe.language.start import Starts
from gan_recipe.language.structure import structure
from gan_recipe.language.tables import Tables


def check_file(
    file: RecipeFile,
    registry: Registry,
    *,
    starts: Starts | None,
    problems: Iterable[Problem] = (),
    data: Mapping[str, Data] | None = None,
) -> Recipe:
    """Check what ``load`` read. Raises RecipeError with everything wrong, ``problems`` that are known already included.

    ``starts`` is asked for the weights of each network that states a start. With None such networks are checked as if
    they started afresh: for what needs no weights, or has them from a checkpoint of the run itself. ``data`` stands in
    for the sources that the file names, where these are not to be had.
    """
    return _check(Tables(file, registry, list(problems), starts=starts), data)


def resolved(stated: str | RecipeFile, registry: Registry) -> dict[str, Any]:
    """A recipe's tables as a run would keep them, also of one that is not sound: such as when its parent is missing.

    Raises RecipeError for a file that cannot be read and UserError when there is none.
    """
    tables = Tables(load(stated) if isinstance(stated, str) else stated, registry, starts=None)
    with suppress(RecipeError):
        _check(tables)
    return _resolved(tables)


def _check(tables: Tables, stand_ins: Mapping[str, Data] | None = None) -> Recipe:
    tables.only(TABLES)
    run = _run(tables)
    data, fields = read_data(tables, stand_ins or {})
    stated_networks = list(tables.required(("networks",), 'critic = { use = "dcgan_encoder" }'))
    reading = Reading.of(tables, list(fields), stated_networks)
    networks = read_networks(tables)
    players = read_players(reading, run)
    schedule, schedule_reads = read_schedule(reading, run, players)
    sheet = structure(SheetSettings, tables.table(("sheet",)), ("sheet",), tables.around)
    stated_columns = sheet.columns if sheet else ()
    columns = [reading.node(column, ("sheet", "columns"), reading.flow.value) for column in stated_columns]
    doctor = read_doctor(tables)
    recovery = read_recovery(tables, doctor)
    parts = Parts(
        networks,
        players,
        {name: reading.flow.values[name] for name in reading.flow.stated if name in reading.flow.values},
        read_metrics(reading),
        tuple(node for node in columns if node is not None),
    )
    check_calls(reading, parts)
    silenced = read_silence(tables)
    if tables.problems:
        raise RecipeError(_in_order(tables.problems, tables.file))
    assert run is not None and schedule is not None and sheet is not None, "nothing is missing without a problem"
    kept = without_dropped(parts)
    recipe = Recipe(
        file=tables.file,
        run=run,
        data=data,
        data_use={name: str(tables.table(("data", name))["use"]) for name in data},
        fields=fields,
        networks=kept.networks,
        values=kept.values,
        players=kept.players,
        schedule=schedule,
        schedule_reads=schedule_reads,
        schedule_use=str(tables.table(("schedule",))["use"]),
        sheet=sheet,
        columns=kept.columns,
        metrics=kept.metrics,
        doctor=doctor,
        recovery=recovery,
        silenced=silenced,
        resolved_tables=_resolved(tables),
    )
    if recovery is not None:
        check_changed(recipe, tables, lambda file: _check(Tables(file, tables.registry, starts=None), stand_ins))
    return recipe


def _in_order(problems: Iterable[Problem], file: RecipeFile) -> list[Problem]:
    """Overrides, then the recipe's own file line by line, then the files that it extends."""

    def place(problem: Problem) -> tuple[int, str, int]:
        name, _, line = problem.where.rpartition(":")
        if problem.where.startswith("-s "):
            return 0, problem.where, 0
        if not line.isdecimal():
            name, line = problem.where, "0"
        return (1 if name == file.shown else 2), name, int(line)

    return sorted(problems, key=place)


def _run(tables: Tables) -> RunSettings | None:
    table = tables.required(("run",), "rounds = 1_000")
    run = structure(RunSettings, table, ("run",), tables.around) if table else None
    for observer in run.observers if run else ():
        try:
            tables.registry.observe(observer)
        except LookupProblem as problem:
            tables.report(("run", "observers"), str(problem))
    return run


def _resolved(tables: Tables) -> dict[str, Any]:
    """The tables with their relative paths made absolute, so that they mean the same from another folder."""
    found = copy.deepcopy(tables.file.tables)

    def absolute(stated: Any, folder: Path) -> Any:
        if isinstance(stated, list):
            return [absolute(each, folder) for each in stated]
        return str((folder / Path(stated).expanduser()).absolute()) if isinstance(stated, str) else stated

    for key in dict.fromkeys(tables.paths):
        table: Any = found
        for name in key[:-1]:
            table = table.get(name, {})  # of a recipe that misspells its table nothing is made absolute
        if key[-1] in table:
            table[key[-1]] = absolute(table[key[-1]], tables.file.origin(key).folder)
    return found
