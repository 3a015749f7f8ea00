"""From a recipe's text to a checked recipe, without importing torch: every problem is found, none stops the search."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.components.signature import annotation, call_parameters
from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.interfaces import Data, Field, Metric, Network
from gan_recipe.language.check_calls import Parts, check_calls, without_dropped
from gan_recipe.language.check_doctor import read_doctor
from gan_recipe.language.check_players import read_players, read_schedule
from gan_recipe.language.check_recovery import check_changed, read_recovery
from gan_recipe.language.dataflow import Node
from gan_recipe.language.expression import HOLE
from gan_recipe.language.findings import read_silence
from gan_recipe.language.optimizers import INIT_PARTS, INITIALISERS
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import (
    BESIDE,
    TABLES,
    MetricSpec,
    Named,
    NetworkSpec,
    Recipe,
    RunSettings,
    SheetSettings,
)
from gan_recipe.language.recipe_file import RecipeFile, load
from gan_recipe.language.start import Starts, weights_file
from gan_recipe.language.structure import blamed, structure
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key


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
    data, fields = _data(tables, stand_ins or {})
    stated_networks = list(tables.required(("networks",), 'critic = { use = "dcgan_encoder" }'))
    reading = Reading.of(tables, list(fields), stated_networks)
    networks = _networks(tables)
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
        _metrics(reading),
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


def _data(tables: Tables, stand_ins: Mapping[str, Data]) -> tuple[dict[str, Data], dict[str, Field]]:
    """The sources of data, and the fields of a batch as ``source.field``."""
    found: dict[str, Data] = {}
    fields: dict[str, Field] = {}
    stated = tables.required(("data",), 'noise = { use = "noise" }')
    for name, table in tables.entries(("data",)).items():
        key = ("data", name)
        source = stand_ins[name] if name in stand_ins else tables.component(table, key, Data)
        told = _fields(tables, source, table, key) if source is not None else None
        if source is not None and told is not None:
            found[name] = source
            fields |= {f"{name}.{short}": one for short, one in told.items()}
    tables.classes.update({full: one.classes for full, one in fields.items()})
    tables.unknown_sources.update(name for name in stated if name not in found)
    if not stated:
        tables.unknown_sources.add("*")
    return found, fields


def _fields(tables: Tables, source: Data, table: Mapping[str, Any], key: Key) -> Mapping[str, Field] | None:
    try:
        fields = source.fields()
    except (ValueError, OSError) as error:
        tables.report((*key, *blamed(str(error), table)), str(error))
        return None
    except Exception as error:  # a stranger's component may raise anything
        tables.report(key, f"{table['use']!r} cannot tell its fields: {type(error).__name__}: {error}")
        return None
    for name in fields:
        if not name.isidentifier() or not name.isascii() or name == HOLE:
            tables.report(key, f"no expression can read the field {name!r}: its name must be letters, digits and '_'")
            return None
    return fields


def _networks(tables: Tables) -> dict[str, NetworkSpec]:
    found = {}
    for name, table in tables.entries(("networks",)).items():
        key = ("networks", name)
        component = tables.component(table, key, Network, BESIDE["networks"])
        start = table.get("start")
        if start is not None and (not isinstance(start, str) or not start):
            tables.report(
                (*key, "start"), f"expected RUN, RUN@ROUND, RUN@ROUND:NETWORK or a file, not {shortened(start)}"
            )
        file = None
        if isinstance(start, str) and tables.starts is not None:
            file = weights_file(start, tables.file.origin((*key, "start")).folder)
        if file is not None:
            tables.paths.append((*key, "start"))
            start = None
            try:
                file.check()
            except ValueError as error:
                tables.report((*key, "start"), str(error))
        elif isinstance(start, str) and start and tables.starts is not None:
            try:
                tables.starts(tables.wanted(start, name, (*key, "start")))
            except ValueError as error:
                tables.report((*key, "start"), str(error))
        start = start if tables.starts is not None else None
        init = _init(tables, (*key, "init"))
        concat = table.get("concat", False)
        if not isinstance(concat, bool):
            tables.report((*key, "concat"), f"expected true or false, not {shortened(concat)}")
        if component is not None and tables.is_sound(key):
            found[name] = NetworkSpec(name, table["use"], component, start, init, key, file, concat)
    return found


def _init(tables: Tables, key: Key) -> dict[str, Named]:
    found = {}
    for part, stated in tables.table(key).items():
        if part not in INIT_PARTS:
            tables.report((*key, part), f"there is no such key.{did_you_mean(part, INIT_PARTS)}")
        elif named := tables.torch_call(stated, (*key, part), INITIALISERS):
            if part != "weight" and not INITIALISERS[named.name].vectors:
                cure = ", ".join(name for name, call in INITIALISERS.items() if call.vectors)
                tables.report((*key, part, "use"), f"{named.name!r} is for matrices and kernels. For {part}: {cure}")
            found[part] = named
    return found


def _metrics(reading: Reading) -> dict[str, MetricSpec]:
    tables, flow = reading.tables, reading.flow
    found = {}
    for name, table in tables.entries(("metrics",)).items():
        key = ("metrics", name)
        cls = tables.component_class(table, key, Metric)
        if cls is None:
            continue
        parameters = call_parameters(cls)
        reserved = ["use", *BESIDE["metrics"], *parameters]
        component = structure(cls, table, key, tables.around, reserved=reserved)
        bound = reading.bindings(parameters, table, key, reserved)
        examples = {each for each, parameter in parameters.items() if annotation(parameter) == "Examples"}
        reads = {each: node for each, node in bound.items() if each not in examples}
        baseline: dict[str, Node] | None = dict(reads) if "baseline" in table else None
        for parameter, stated in tables.table((*key, "baseline")).items():
            at = (*key, "baseline", parameter)
            if parameter not in parameters or parameter in examples:
                known = [each for each in parameters if each not in examples]
                tables.report(at, f"the metric reads no such value.{did_you_mean(parameter, known)}")
            elif (node := reading.node(stated, at, flow.value)) is not None and baseline is not None:
                baseline[parameter] = node
        if component is not None:
            told = {each: node for each, node in bound.items() if each in examples}
            found[name] = MetricSpec(name, table["use"], component, reads, told, baseline, key)
    return found


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
