"""The framework's own time in a round: networks and losses replaced by constants, nothing left but the bookkeeping."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from attrs import evolve

from gan_recipe.engine.training import Training
from gan_recipe.runs.check_recipe import check


def _constant(value: object) -> Callable[..., Any]:
    """Stands in for a network, for a loss and for a player's step. A closure: its own call is counted, too."""
    return lambda *arguments, **named: value


def microseconds(recipe: str, repeats: int = 15, rounds: int = 500) -> float:
    """The median time of a round of ``recipe`` over repeats of so many rounds, the generator's seeding included.

    Calls are made one by one: concatenating batches is torch's work, in any loop.
    """
    small = ["run.batch=2", "data.faces.identities=6", "data.faces.held_out=2"]
    wide = [name for name in ("encoder", "decoder", "trunk") if recipe == "d_supervised"]
    checked = check(recipe, [*small, *(f"networks.{name}.width=0.125" for name in wide)])
    apart = {name: evolve(network, concat=False) for name, network in checked.networks.items()}
    checked = evolve(checked, networks=apart)
    training = Training(checked)
    batch = training.stream.batch(0)
    nothing = _constant(torch.zeros(()))
    training.graph.forward = dict.fromkeys(training.graph.networks, nothing)
    training.graph.parameters = {name: [] for name in training.graph.networks}
    players = {
        name: evolve(spec, losses={each: evolve(stated, component=nothing) for each, stated in spec.losses.items()})
        for name, spec in checked.players.items()
    }
    training.recipe = evolve(checked, players=players)
    for player in training.players.values():
        player.step = _Step(player)  # type: ignore[method-assign]
        player.end_round = _constant(None)  # type: ignore[method-assign]
    measured = []
    for repeat in range(repeats + 1):
        began = time.perf_counter()
        for round in range(rounds):
            training.play(round, batch)
        if repeat:
            measured.append((time.perf_counter() - began) / rounds * 1e6)
    return statistics.median(measured)


class _Step:
    """A player's step without gradients: it counts the move, on which lazy terms depend."""

    def __init__(self, player: Any) -> None:
        self._player = player

    def __call__(self, *_: object) -> None:
        self._player.moved += 1
