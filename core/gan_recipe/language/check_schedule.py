"""The table ``[schedule]``: who moves when, and that everybody does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from gan_recipe.components.signature import call_parameters
from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Schedule, SteeredSchedule
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import PlayerSpec
from gan_recipe.language.recipe_settings import RunSettings
from gan_recipe.language.structure import structure
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key

# A player that does not move in so many first rounds, nor in the last ones, is taken never to move.
_FIRST_ROUNDS = 50_000
_LAST_ROUNDS = 5_000


def read_schedule(
    reading: Reading, run: RunSettings | None, sound: Mapping[str, PlayerSpec]
) -> tuple[Schedule | None, dict[str, Node]]:
    """The schedule, once it is seen to let every player move, and what it reads where it steers."""
    key, tables = ("schedule",), reading.tables
    table = tables.required(key, 'use = "together"')
    cls = tables.component_class(table, key, Schedule) if table else None
    if cls is None:
        return None, {}
    parameters = call_parameters(cls) if issubclass(cls, SteeredSchedule) else {}
    reserved = ["use", *parameters]
    reads = reading.bindings(parameters, table, key, reserved)
    schedule = _schedule(tables, structure(cls, table, key, tables.around, reserved=reserved), key, table, run)
    if reads and tables.is_sound(key) and tables.is_sound(("players",)):
        losses = [each.losses.values() for each in sound.values()]
        seen = [{*below([node for loss in each for node in loss.reads.values()])} for each in losses]
        if not any({*reads.values()} <= each for each in seen):
            told = ", ".join(f"{name} = {node}" for name, node in reads.items())
            what = f"no player's losses read all of {told}, so that nothing would be seen. State what the critic's read"
            tables.report(key, what)
    return schedule, reads


def _schedule(
    tables: Tables, schedule: Schedule | None, key: Key, table: Mapping[str, Any], run: RunSettings | None
) -> Schedule | None:
    if schedule is None:
        return None
    players = list(tables.entries(("players",)))
    if not players:
        return schedule
    rounds = run.rounds if run is not None else 0
    try:
        unknown = [name for name in schedule.names() if name not in players]
        still = () if unknown or not rounds else _never_moving(schedule, players, rounds)
    except Exception as error:  # a stranger's schedule may raise anything
        what = f"{table['use']!r} fails when it is asked who moves: {type(error).__name__}: {error}"
        tables.report(key, what)
        return None
    for name in unknown:
        tables.report((*key, *_place(name, table)), f"there is no player {name!r}.{did_you_mean(name, players)}")
    for name in still:
        what = f"{name!r} never moves in the {rounds:,} rounds of the run; change the schedule or the rounds"
        tables.report(key, what)
    return schedule


def _place(name: str, table: Mapping[str, Any]) -> Key:
    """Where a schedule's table speaks of the player ``name``."""
    for setting, value in table.items():
        if value == name:
            return (setting,)
        if isinstance(value, dict) and name in value:
            return (setting, name)
    return ()


def _never_moving(schedule: Schedule, players: Sequence[str], rounds: int) -> Collection[str]:
    waiting = set(players)
    # A player may start late, so the end of a long run counts as much as its beginning.
    late = range(max(_FIRST_ROUNDS, rounds - _LAST_ROUNDS), rounds)
    for stretch in (range(min(rounds, _FIRST_ROUNDS)), late):
        for round in stretch:
            waiting.difference_update(schedule.moves(round, players))
            if not waiting:
                return ()
    return sorted(waiting)
