"""The table ``[players]``: what each trains, and by which losses, constraints and optimiser."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Any

from gan_recipe.components.signature import annotation, call_parameters
from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Constraint, Loss
from gan_recipe.language.dataflow import below
from gan_recipe.language.optimizers import LEARNING_RATE, LR_SCHEDULES, OPTIMIZERS
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import BalanceSpec, ConstraintSpec, LossSpec, Named, PlayerSpec
from gan_recipe.language.recipe_settings import BESIDE, Averaging, BalanceSettings, RunSettings
from gan_recipe.language.structure import slips, structure
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key
from gan_recipe.ramp import Ramp

_PLAYER = ("trains", "optimizer", "lr_schedule", "losses", "constraints", "ema", "clip_gradients", "balance")
_EXAMPLE = '[players.generator] with trains = ["decoder"], an optimizer and losses'


def read_players(reading: Reading, run: RunSettings | None) -> dict[str, PlayerSpec]:
    """The sound players of ``[players]``, with all of their losses, also those of weight 0."""
    tables = reading.tables
    tables.required(("players",), _EXAMPLE)
    found = {}
    for name, table in tables.entries(("players",)).items():
        if (player := _player(reading, name, table, run)) is not None:
            found[name] = player
    return found


def _player(reading: Reading, name: str, table: dict[str, Any], run: RunSettings | None) -> PlayerSpec | None:
    tables = reading.tables
    key: Key = ("players", name)
    for stated in table:
        if stated not in _PLAYER:
            tables.report((*key, stated), f"a player has no such key.{did_you_mean(stated, _PLAYER)}")
    misspelt = slips(table, _PLAYER)
    trains: list[str] = []
    if "trains" in table and reading.flow.networks:
        trains = tables.names(table["trains"], (*key, "trains"), reading.flow.networks, "network")
    elif "trains" not in table and "trains" not in misspelt:
        tables.report(key, "'trains' is missing: the networks that the player steers, such as [\"decoder\"]")
    optimizer = None
    if "optimizer" in table:
        optimizer = tables.torch_call(table["optimizer"], (*key, "optimizer"), OPTIMIZERS, {"lr": LEARNING_RATE})
    elif "optimizer" not in misspelt:
        tables.report(key, "'optimizer' is missing, such as { use = \"adam\", lr = 2e-4 }")
    lr_schedule = None
    if "lr_schedule" in table:
        lr_schedule = tables.torch_call(table["lr_schedule"], (*key, "lr_schedule"), LR_SCHEDULES)
        _check_length(tables, lr_schedule, run)
    ema = _ema(tables, table.get("ema"), (*key, "ema"))
    clip = table.get("clip_gradients")
    if clip is not None and (type(clip) not in (int, float) or not 0 < clip < inf):
        tables.report((*key, "clip_gradients"), f"expected a length above 0, such as 1.0, not {shortened(clip)}")
    losses = {}
    for each, loss_table in tables.entries((*key, "losses")).items():
        if (loss := _loss(reading, each, loss_table, (*key, "losses", each))) is not None:
            losses[each] = loss
    if not table.get("losses") and "losses" not in misspelt:
        tables.report(key, 'the player has nothing to minimise; state losses, each a table such as { use = "l1" }')
    constraints = {}
    for each, constraint_table in tables.entries((*key, "constraints")).items():
        # What the player trains is known only when all of it is; otherwise any network may be meant.
        mine = trains if trains and tables.is_sound((*key, "trains")) else list(reading.flow.networks)
        constraint = _constraint(tables, each, constraint_table, (*key, "constraints", each), mine)
        if constraint is not None:
            constraints[each] = constraint
    balance = _balance(reading, trains, losses, (*key, "balance"))
    if optimizer is None or not all(tables.is_sound((*key, each)) for each in ("ema", "clip_gradients", "balance")):
        return None
    return PlayerSpec(name, tuple(trains), optimizer, lr_schedule, losses, constraints, ema, clip, balance, key)


def _balance(reading: Reading, trains: Collection[str], losses: Mapping[str, LossSpec], key: Key) -> BalanceSpec | None:
    tables = reading.tables
    if not tables.states(key):
        return None
    stated = structure(BalanceSettings, tables.table(key), key, tables.around)
    if stated is None:
        return None
    at = reading.node(stated.at, (*key, "at"), reading.flow.value)
    named = tables.names([*stated.losses], (*key, "losses"), losses, "loss of this player")
    tables.names([stated.reference], (*key, "reference"), losses, "loss of this player")
    if at is None or not tables.is_sound(key):
        return None
    if not at.networks & {*trains}:
        tables.report((*key, "at"), f"{at} does not depend on what the player trains ({', '.join(trains)})")
    for name in dict.fromkeys([stated.reference, *named]):
        place = (*key, "reference" if name == stated.reference else "losses")
        if at not in set(below([*losses[name].reads.values()])):
            tables.report(place, f"the loss {name!r} does not read {at}, nor what is computed from it")
        if losses[name].every != 1:
            tables.report(
                place, f"the loss {name!r} is computed at every {losses[name].every}th move; it has to be at each"
            )
    if stated.reference in named:
        tables.report((*key, "losses"), f"{stated.reference!r} is the reference itself")
    return BalanceSpec(at, stated.reference, tuple(named), stated.most)


def _ema(tables: Tables, stated: Any, key: Key) -> Averaging | None:
    if isinstance(stated, dict):
        return structure(Averaging, stated, key, tables.around)
    if stated is None:
        return None
    if type(stated) in (int, float) and 0 <= stated < 1:
        return Averaging(float(stated))
    tables.report(key, f"expected a decay from 0 to below 1, such as 0.999, not {shortened(stated)}")
    return None


def _check_length(tables: Tables, schedule: Named | None, run: RunSettings | None) -> None:
    """torch's one cycle refuses to be stepped beyond its end, in the middle of the run."""
    if schedule is not None and run is not None and schedule.options.get("total_steps", run.rounds) < run.rounds:
        what = f"the cycle ends before the run, which has {run.rounds:,} rounds; state at least as many"
        tables.report((*schedule.key, "total_steps"), what)


def _loss(reading: Reading, name: str, table: dict[str, Any], key: Key) -> LossSpec | None:
    tables = reading.tables
    weight = _weight(tables, table.get("weight", 1.0), (*key, "weight"))
    every = table.get("every", 1)
    if type(every) is not int or every < 1:
        tables.report((*key, "every"), f"expected a number of moves, at least 1, not {shortened(every)}")
    cls = tables.component_class(table, key, Loss)
    if cls is None:
        return None
    parameters = call_parameters(cls)
    reserved = ["use", *BESIDE["losses"], *parameters]
    component = structure(cls, table, key, tables.around, reserved=reserved)
    bound = reading.bindings(parameters, table, key, reserved)
    if component is None or weight is None:
        return None
    functions = {each for each, parameter in parameters.items() if annotation(parameter) == "Function"}
    return LossSpec(
        name=name,
        use=table["use"],
        component=component,
        weight=weight,
        every=every,
        reads={each: node for each, node in bound.items() if each not in functions},
        functions={each: node for each, node in bound.items() if each in functions},
        key=key,
    )


def _weight(tables: Tables, stated: Any, key: Key) -> float | Ramp | None:
    if type(stated) in (int, float):
        return float(stated)
    if isinstance(stated, dict):
        return structure(Ramp, stated, key, tables.around)
    example = "{ from = 0, to = 0.1, over = 2_000 }"
    tables.report(key, f"expected a number or a ramp such as {example}, not {shortened(stated)}")
    return None


def _constraint(
    tables: Tables, name: str, table: dict[str, Any], key: Key, trains: Sequence[str]
) -> ConstraintSpec | None:
    component = tables.component(table, key, Constraint, BESIDE["constraints"])
    on = list(trains)
    if "on" in table and trains:
        on = tables.names(table["on"], (*key, "on"), trains, "network of this player")
    return None if component is None else ConstraintSpec(name, table["use"], component, tuple(on), key)
