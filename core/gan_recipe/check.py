"""From a recipe's text to a checked recipe, without importing torch: every problem is found, none stops the search."""

from __future__ import annotations

import copy
import inspect
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from attrs import define, field

from gan_recipe.dataflow import Dataflow, KnownProblem, NameProblem, Node, below
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.expression import Expression, ExpressionError, parse
from gan_recipe.interfaces import Component, Constraint, Data, Field, Loss, Metric, Network, Schedule
from gan_recipe.optimizers import INITIALISERS, LEARNING_RATE, LR_SCHEDULES, OPTIMIZERS, TIMM, Option, TorchCall
from gan_recipe.ramp import Ramp, is_ever_nonzero
from gan_recipe.recipe import (
    ConstraintSpec,
    LossSpec,
    MetricSpec,
    Named,
    NetworkSpec,
    PlayerSpec,
    Recipe,
    RunSettings,
    SheetSettings,
)
from gan_recipe.recipe_file import RecipeFile, read
from gan_recipe.registry import LookupProblem, Registry
from gan_recipe.settings import Surroundings, read_table, slips, structure
from gan_recipe.signature import annotation, call_parameters, is_required
from gan_recipe.toml_file import Key
from gan_recipe.toml_value import shortened
from gan_recipe.warm_start import find_start

_TABLES = ("run", "data", "networks", "values", "players", "schedule", "sheet", "metrics")
_IDENTIFIER = "expected letters, digits and '_', starting with a letter, and not 'use'"
_C = TypeVar("_C", bound=Component)
_Make = typing.Callable[[Expression], Node]


def check(stated: str, overrides: Iterable[str] = (), registry: Registry | None = None) -> Recipe:
    """Load and check a recipe. Raises RecipeError with everything that is wrong."""
    file, problems = read(stated, overrides)
    checker = _Checker(file, registry or Registry.installed(), problems)
    recipe = checker.recipe()
    if checker.problems or recipe is None:
        raise RecipeError(sorted(set(checker.problems), key=_order))
    return recipe


def _order(problem: Problem) -> tuple[str, int]:
    name, _, line = problem.where.rpartition(":")
    return (name, int(line)) if line.isdecimal() else (problem.where, 0)


@define
class _Checker:
    file: RecipeFile
    registry: Registry
    problems: list[Problem] = field(factory=list)
    classes: dict[str, int | None] = field(factory=dict)
    fields: dict[str, Field] = field(factory=dict)
    paths: list[Key] = field(factory=list)
    #: Sources of data that are wrong themselves: nothing that names their fields can be called wrong.
    unknown_sources: list[str] = field(factory=list)

    # ------------------------------------------------------------------------------------------------ reporting

    def report(self, key: Key, what: str) -> None:
        self.problems.append(Problem(self.file.origin(key).where, ".".join(key), what))

    @property
    def around(self) -> Surroundings:
        def folder(key: Key) -> Path:
            self.paths.append(key)
            return self.file.origin(key).folder

        return Surroundings(self.report, folder, self.classes, self.unknown_sources)

    def table(self, key: Key, *, required: bool = False) -> dict[str, Any]:
        """The table at ``key``; an empty one when it is missing or no table."""
        found: Any = self.file.tables
        for name in key:
            if not isinstance(found, dict) or name not in found:
                if required:
                    self.report(key, f"the recipe has no [{'.'.join(key)}]")
                return {}
            found = found[name]
        if not isinstance(found, dict):
            self.report(key, f"expected a table, not {found!r}")
            return {}
        return found

    def entries(self, key: Key, *, required: bool = False) -> dict[str, dict[str, Any]]:
        """The named tables in the table at ``key``."""
        found = {}
        for name, entry in self.table(key, required=required).items():
            if not _is_name(name):
                self.report((*key, name), f"{name!r} is no name: {_IDENTIFIER}")
            elif not isinstance(entry, dict):
                self.report((*key, name), f'expected a table such as {{ use = "..." }}, not {entry!r}')
            else:
                found[name] = entry
        return found

    def component(self, table: Mapping[str, Any], key: Key, cls: type[_C], reserved: Iterable[str]) -> _C | None:
        """The component that a table uses, with its settings."""
        found = self.component_class(table, key, cls)
        if found is None:
            return None
        made = structure(found, table, key, self.around, reserved=("use", *reserved))
        return made

    def component_class(self, table: Mapping[str, Any], key: Key, cls: type[_C]) -> type[_C] | None:
        stated = table.get("use")
        if not isinstance(stated, str):
            what = "'use' is missing: the name of a component" if stated is None else f"expected a name, not {stated!r}"
            self.report((*key, "use") if stated is not None else key, what)
            return None
        try:
            return cast("type[_C]", self.registry.component(stated, _kinds(cls)))
        except LookupProblem as problem:
            self.report((*key, "use"), str(problem))
            return None

    # ------------------------------------------------------------------------------------------------ the recipe

    def recipe(self) -> Recipe | None:
        for name in self.file.tables:
            if name not in _TABLES:
                self.report((name,), f"a recipe has no such table.{did_you_mean(name, _TABLES)}")
        run = structure(RunSettings, self.table(("run",), required=True), ("run",), self.around)
        for observer in run.observers if run else ():
            try:
                self.registry.observe(observer)
            except LookupProblem as problem:
                self.report(("run", "observers"), str(problem))
        data = self.data()
        network_names = list(self.table(("networks",)))
        flow = Dataflow(list(self.fields), network_names, self.value_expressions(network_names), self.unknown_sources)
        for name, what in flow.problems.items():
            self.report(("values", name), what)
        networks = self.networks()
        players = self.players(flow, network_names)
        schedule = self.schedule(list(players), run)
        sheet, columns = self.sheet(flow)
        metrics = self.metrics(flow)
        if not self.problems:
            self.unused(networks, players, columns, metrics)
        if run is None or schedule is None or sheet is None or self.problems:
            return None
        return Recipe(
            file=self.file,
            run=run,
            data=data,
            data_use={name: str(self.file.tables["data"][name]["use"]) for name in data},
            fields=self.fields,
            networks=networks,
            values=flow.values,
            players=players,
            schedule=schedule,
            schedule_use=str(self.file.tables["schedule"]["use"]),
            sheet=sheet,
            columns=columns,
            metrics=metrics,
            resolved_tables=self.resolved(),
        )

    def resolved(self) -> dict[str, Any]:
        """The tables with their relative paths made absolute, so that they mean the same from another folder."""
        tables = copy.deepcopy(self.file.tables)
        for key in self.paths:
            table: Any = tables
            for name in key[:-1]:
                table = table[name]
            if isinstance(table[key[-1]], str):
                folder = self.file.origin(key).folder
                table[key[-1]] = str((folder / Path(table[key[-1]]).expanduser()).absolute())
        return tables

    def data(self) -> dict[str, Data]:
        found: dict[str, Data] = {}
        for name, table in self.entries(("data",), required=True).items():
            key = ("data", name)
            source = self.component(table, key, Data, ())
            if source is None:
                self.unknown_sources.append(name)
                continue
            try:
                fields = source.fields()
            except (ValueError, OSError) as error:
                self.report(key, str(error))
                self.unknown_sources.append(name)
                continue
            found[name] = source
            for short, one in fields.items():
                self.fields[f"{name}.{short}"] = one
                self.classes[f"{name}.{short}"] = one.classes
        return found

    def networks(self) -> dict[str, NetworkSpec]:
        found = {}
        for name, table in self.entries(("networks",), required=True).items():
            key = ("networks", name)
            component = self.component(table, key, Network, ("start", "init"))
            start = table.get("start")
            if start is not None and (not isinstance(start, str) or not start):
                self.report((*key, "start"), f"expected RUN, RUN@ROUND or RUN@ROUND:NETWORK, not {start!r}")
            elif start:
                try:
                    find_start(start, name)
                except ValueError as error:
                    self.report((*key, "start"), str(error))
            init = {}
            for part, stated in self.table((*key, "init")).items():
                if part not in ("weight", "norm", "bias"):
                    self.report((*key, "init", part), f"expected 'weight', 'norm' or 'bias', not {part!r}")
                elif named := self.named(stated, (*key, "init", part), INITIALISERS):
                    if part != "weight" and not INITIALISERS[named.name].vectors:
                        what = f"{named.name!r} fills matrices and kernels; a {part} is a vector: 'normal', 'constant'"
                        self.report((*key, "init", part, "use"), what)
                    init[part] = named
            if component is not None:
                found[name] = NetworkSpec(name, table["use"], component, start, init, key)
        return found

    def named(
        self, table: Any, key: Key, known: Mapping[str, TorchCall], always: Mapping[str, Option] | None = None
    ) -> Named | None:
        """A function of torch's or timm's by name, with its options; ``always`` are options that all of them take."""
        stated = table.get("use") if isinstance(table, dict) else None
        if not isinstance(stated, str):
            self.report(key, f'expected a table such as {{ use = "{next(iter(known))}" }}, not {shortened(table)}')
            return None
        always = always or {}
        if stated not in known:
            if known is OPTIMIZERS and stated.startswith(TIMM):
                return Named(stated, {name: value for name, value in table.items() if name != "use"}, key)
            self.report((*key, "use"), f"there is no {stated!r}.{did_you_mean(stated, known)}")
            return None
        options = {**known[stated].options, **always}
        forms = {name: option.type for name, option in options.items()}
        values = read_table(table, forms, [*known[stated].required, *always], key, self.around, reserved=("use",))
        for name, value in (values or {}).items():
            if problem := options[name].problem(value):
                self.report((*key, name), problem)
        return None if values is None else Named(stated, values, key)

    # ------------------------------------------------------------------------------------------------ values

    def value_expressions(self, networks: Iterable[str]) -> dict[str, Expression | None]:
        found: dict[str, Expression | None] = {}
        for name, stated in self.table(("values",)).items():
            key = ("values", name)
            if not _is_name(name):
                self.report(key, f"{name!r} is no name: {_IDENTIFIER}")
            elif name in networks or any(name in (full, full.partition(".")[2]) for full in self.fields):
                self.report(key, f"{name!r} is already the name of a network or of a field of the data")
            else:
                found[name] = self.expression(stated, key)
        return found

    def expression(self, stated: Any, key: Key) -> Expression | None:
        if not isinstance(stated, str):
            self.report(key, f'expected an expression such as "trunk(image)", not {stated!r}')
            return None
        try:
            return parse(stated)
        except ExpressionError as error:
            self.report(key, str(error))
            return None

    def node(self, stated: Any, key: Key, make: _Make) -> Node | None:
        """The node of an expression. What is wrong with a value that it reads is told at the value, once."""
        expression = self.expression(stated, key)
        if expression is None:
            return None
        try:
            return make(expression)
        except NameProblem as problem:
            self.report(key, str(problem))
        except KnownProblem:
            pass
        return None

    # ------------------------------------------------------------------------------------------------ players

    def players(self, flow: Dataflow, networks: list[str]) -> dict[str, PlayerSpec]:
        found = {}
        for name, table in self.entries(("players",), required=True).items():
            if (player := self.player(name, table, flow, networks)) is not None:
                found[name] = player
        return found

    def player(self, name: str, table: dict[str, Any], flow: Dataflow, networks: list[str]) -> PlayerSpec | None:
        key = ("players", name)
        known = ("trains", "optimizer", "lr_schedule", "losses", "constraints", "ema")
        for stated in table:
            if stated not in known:
                self.report((*key, stated), f"a player has no such key.{did_you_mean(stated, known)}")
        trains = self.names(table.get("trains"), (*key, "trains"), networks, "network")
        optimizer = None
        if "optimizer" not in table:
            self.report(key, "'optimizer' is missing, such as { use = \"adam\", lr = 2e-4 }")
        else:
            optimizer = self.named(table["optimizer"], (*key, "optimizer"), OPTIMIZERS, {"lr": LEARNING_RATE})
        lr_schedule = None
        if "lr_schedule" in table:
            lr_schedule = self.named(table["lr_schedule"], (*key, "lr_schedule"), LR_SCHEDULES)
        ema = table.get("ema")
        if ema is not None and (type(ema) not in (int, float) or not 0 <= ema < 1):
            self.report((*key, "ema"), f"expected a decay from 0 to below 1, such as 0.999, not {ema!r}")
        losses = {}
        for loss_name, loss_table in self.entries((*key, "losses"), required=True).items():
            loss = self.loss(loss_name, loss_table, (*key, "losses", loss_name), flow)
            if loss is not None and is_ever_nonzero(loss.weight):
                losses[loss_name] = loss
        if not losses and not self.problems:
            self.report((*key, "losses"), "the player has nothing to minimise")
        constraints = {}
        for each, constraint_table in self.entries((*key, "constraints")).items():
            at = (*key, "constraints", each)
            component = self.component(constraint_table, at, Constraint, ("on",))
            on = list(trains)
            if "on" in constraint_table:
                on = self.names(constraint_table["on"], (*at, "on"), trains, "network of this player")
            if component is not None:
                constraints[each] = ConstraintSpec(each, constraint_table["use"], component, tuple(on), at)
        if optimizer is None:
            return None
        return PlayerSpec(name, tuple(trains), optimizer, lr_schedule, losses, constraints, ema, key)

    def names(self, stated: Any, key: Key, known: Iterable[str], what: str) -> list[str]:
        if not isinstance(stated, list) or not stated or not all(isinstance(name, str) for name in stated):
            self.report(key, f"expected a list of names, each a {what}, not {stated!r}")
            return []
        known = list(known)
        for name in stated:
            if name not in known:
                self.report(key, f"there is no {what} {name!r}.{did_you_mean(name, known)}")
        for name in sorted({name for name in stated if stated.count(name) > 1}):
            self.report(key, f"{name!r} is named twice")
        return [name for name in stated if name in known]

    def loss(self, name: str, table: dict[str, Any], key: Key, flow: Dataflow) -> LossSpec | None:
        cls = self.component_class(table, key, Loss)
        if cls is None:
            return None
        parameters = call_parameters(cls)
        component = structure(cls, table, key, self.around, reserved=("use", "weight", "every", *parameters))
        weight = self.weight(table.get("weight", 1.0), (*key, "weight"))
        every = table.get("every", 1)
        if type(every) is not int or every < 1:
            self.report((*key, "every"), f"expected a number of moves, at least 1, not {every!r}")
        reads, functions = self.bindings(parameters, table, key, flow, "Function", flow.function)
        if component is None or weight is None:
            return None
        return LossSpec(name, table["use"], component, weight, every, reads, functions, key)

    def weight(self, stated: Any, key: Key) -> float | Ramp | None:
        if type(stated) in (int, float):
            return float(stated)
        if isinstance(stated, dict):
            return structure(Ramp, stated, key, self.around)
        self.report(key, f"expected a number or a ramp such as {{ from = 0, to = 0.1, over = 2_000 }}, not {stated!r}")
        return None

    def bindings(
        self,
        parameters: Mapping[str, inspect.Parameter],
        table: Mapping[str, Any],
        key: Key,
        flow: Dataflow,
        special: str,
        make_special: _Make,
    ) -> tuple[dict[str, Node], dict[str, Node]]:
        """What the parameters of a ``__call__`` are bound to: plain values, and those annotated ``special``."""
        values: dict[str, Node] = {}
        specials: dict[str, Node] = {}
        misspelt = slips(table, [*parameters])
        for name, parameter in parameters.items():
            if name not in table:
                if is_required(parameter) and name not in misspelt:
                    self.report(key, f"{name!r} is missing: what {table['use']!r} reads there, as an expression")
                continue
            is_special = annotation(parameter) == special
            node = self.node(table[name], (*key, name), make_special if is_special else flow.value)
            if node is not None:
                (specials if is_special else values)[name] = node
        return values, specials

    def schedule(self, players: list[str], run: RunSettings | None) -> Schedule | None:
        key = ("schedule",)
        schedule = self.component(self.table(key, required=True), key, Schedule, ()) if self.table(key) else None
        if schedule is None:
            if not self.table(key):
                self.report(key, 'the recipe has no [schedule], such as { use = "together" }')
            return None
        stated = list(self.table(("players",)))
        unknown = [name for name in schedule.names() if name not in stated]
        for name in unknown:
            self.report(key, f"there is no player {name!r}.{did_you_mean(name, stated)}")
        if unknown or run is None:
            return schedule
        waiting = set(players)
        for round in range(run.rounds):
            waiting.difference_update(schedule.moves(round, players))
            if not waiting:
                break
        for name in sorted(waiting):
            self.report(key, f"{name!r} never moves in the {run.rounds:,} rounds of the run")
        return schedule

    # ------------------------------------------------------------------------------------------------ what is looked at

    def sheet(self, flow: Dataflow) -> tuple[SheetSettings | None, tuple[Node, ...]]:
        sheet = structure(SheetSettings, self.table(("sheet",)), ("sheet",), self.around)
        columns = [self.node(column, ("sheet", "columns"), flow.value) for column in (sheet.columns if sheet else ())]
        return sheet, tuple(node for node in columns if node is not None)

    def metrics(self, flow: Dataflow) -> dict[str, MetricSpec]:
        found = {}
        for name, table in self.entries(("metrics",)).items():
            key = ("metrics", name)
            cls = self.component_class(table, key, Metric)
            if cls is None:
                continue
            parameters = call_parameters(cls)
            component = structure(cls, table, key, self.around, reserved=("use", "baseline", *parameters))
            reads, examples = self.bindings(parameters, table, key, flow, "Examples", flow.value)
            baseline = dict(reads) if "baseline" in table else None
            for parameter, stated in self.table((*key, "baseline")).items():
                if parameter not in reads:
                    self.report(
                        (*key, "baseline", parameter),
                        f"the metric reads no such value.{did_you_mean(parameter, reads)}",
                    )
                elif baseline is not None and (node := self.node(stated, (*key, "baseline", parameter), flow.value)):
                    baseline[parameter] = node
            if component is not None:
                found[name] = MetricSpec(name, table["use"], component, reads, examples, baseline, key)
        return found

    def unused(
        self,
        networks: Mapping[str, NetworkSpec],
        players: Mapping[str, PlayerSpec],
        columns: tuple[Node, ...],
        metrics: Mapping[str, MetricSpec],
    ) -> None:
        """Networks that nothing calls, and losses that reach nothing their player trains."""
        called: set[str] = set()
        for player in players.values():
            reached: set[str] = set()
            for loss in player.losses.values():
                nodes = [*loss.reads.values(), *loss.functions.values()]
                networks_read = frozenset().union(*(node.networks for node in nodes))
                called |= networks_read
                reached |= networks_read
                if not networks_read & set(player.trains):
                    trained = ", ".join(player.trains)
                    self.report(loss.key, f"nothing here depends on a network that {player.name!r} trains ({trained})")
            for name in player.trains:
                if name not in reached:
                    what = f"no loss of {player.name!r} reaches the network {name!r}: it would never change"
                    self.report((*player.key, "trains"), what)
        for metric in metrics.values():
            for node in [*metric.reads.values(), *metric.examples.values(), *(metric.baseline or {}).values()]:
                called |= node.networks
        for node in below(columns):
            called |= node.networks
        for name, network in networks.items():
            if name not in called:
                self.report(network.key, "nobody calls this network: no loss, metric or sheet depends on it")


def _is_name(name: str) -> bool:
    """``use`` is what makes a table replace another's; a value or an entry of that name would."""
    return name.isascii() and name.isidentifier() and not name.startswith("_") and name != "use"


def _kinds(cls: type[Component]) -> tuple[str, ...]:
    return ("encoder", "decoder", "head") if cls is Network else (cls.kind,)
