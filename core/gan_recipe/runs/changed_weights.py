"""Weights of losses that differ from those of the run that a warm start comes from: they change over, not at once."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from gan_recipe.errors import UserError
from gan_recipe.interfaces import Rounds
from gan_recipe.language.recipe import PlayerSpec, Recipe
from gan_recipe.ramp import Ramp, weight_at
from gan_recipe.runs.recoveries import in_force
from gan_recipe.runs.warm_start import Start, find_start


def ramped(recipe: Recipe) -> tuple[Recipe, list[str]]:
    """The recipe with a geometric ramp over ``run.ramp_changes`` rounds for each changed weight, and what to say of it.

    An optimiser in the middle of its work is used to gradients of a certain size: ten times the weight makes the first
    step of Adam nearly nine times as long, and its second moment needs 1 / (1 - beta2) rounds to know better. Weights
    of 0, of losses that the other run had not, and those that are stated as ramps are left as they are.
    """
    over = recipe.run.ramp_changes
    if not over:
        return recipe, []
    players = dict(recipe.players)
    tables = copy.deepcopy(dict(recipe.resolved_tables))
    told = []
    for name, player in recipe.players.items():
        start, before = _before(recipe, player)
        losses = dict(player.losses)
        for each, loss in player.losses.items():
            old, new = before.get(each), loss.weight
            if isinstance(new, Ramp) or old is None or old <= 0 or new <= 0 or old == new:
                continue
            ramp = Ramp(old, new, Rounds(over), shape="geometric")
            losses[each] = evolve(loss, weight=ramp)
            stated = {"from": old, "to": new, "over": over, "shape": "geometric"}
            tables["players"][name]["losses"][each]["weight"] = stated
            assert start is not None
            told.append(
                f"{'.'.join(loss.key)}.weight was {old:g} in {start.run.name}@{start.round} and goes to {new:g} over "
                f"{over:,} rounds; run.ramp_changes = 0 changes it at once"
            )
        players[name] = evolve(player, losses=losses)
    return evolve(recipe, players=players, resolved_tables=tables), told


def _before(recipe: Recipe, player: PlayerSpec) -> tuple[Start | None, dict[str, float]]:
    """The weights that the player's losses had where its networks start from."""
    for network in player.trains:
        stated = recipe.networks[network].start
        if stated is None:
            continue
        start = find_start(stated, network, recipe.run.scale)
        try:
            tables: Any = in_force(start.run).tables
        except UserError:
            continue  # a run that keeps no recipe tells nothing
        losses = tables.get("players", {}).get(player.name, {}).get("losses", {})
        return start, {name: _weight(table, start.round) for name, table in losses.items() if isinstance(table, dict)}
    return None, {}


def _weight(table: Mapping[str, Any], round: int) -> float:
    stated = table.get("weight", 1.0)
    if isinstance(stated, Mapping):
        return weight_at(Ramp(**{"from_" if key == "from" else key: value for key, value in stated.items()}), round)
    return float(stated)
