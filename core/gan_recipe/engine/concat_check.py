"""Whether calls may be made as one: every network that concatenates tried on the batches of two of its calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from attrs import frozen
from torch import Tensor, nn

from gan_recipe.components.failure import ComponentError, raised
from gan_recipe.engine.concatenation import Value, concatenated, rows, taken_apart
from gan_recipe.engine.graph import Graph, full
from gan_recipe.engine.randomness import seeded
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.recipe import Recipe

# Of values of the size 1; the same rows of equal batches differ by nothing at all on most hardware.
_TOLERANCE = 1e-4


@frozen
class _Habits:
    """What a network does that one batch of several is not indifferent to."""

    mixes: bool
    draws: bool


def check_concat(recipe: Recipe, graph: Graph, batch: Mapping[str, Tensor], *, shared: bool = False) -> frozenset[str]:
    """The networks that mix the samples of a concatenated batch; their buffers are left changed.

    Raises RecipeError for a network whose calls have samples of different shapes. Where processes ``shared`` a batch,
    also for one that mixes samples or draws numbers: what they concatenate are shares, in another order.
    """
    problems: list[Problem] = []
    mixing: set[str] = set()
    for spec in recipe.networks.values():
        calls = _calls_of(recipe, spec.name) if spec.concat else []
        if len(calls) < 2:
            continue
        try:
            inputs = [graph.evaluate(call.arguments or (), batch) for call in calls]
        except ComponentError:  # a loss that reads it fails in the rehearsal, too, which says of what
            continue
        key = (*spec.key, "concat")
        where = Problem(recipe.file.origin(key).where, ".".join(key), "")
        if different := next((place for place, each in enumerate(inputs) if _shape(each) != _shape(inputs[0])), None):
            first, other = (f"{calls[place]} of {_told(inputs[place])}" for place in (0, different))
            problems.append(
                Problem(where.where, where.key, f"{first} and {other} cannot be concatenated. Leave concat out")
            )
            continue
        try:
            habits = _habits(graph.networks[spec.name], inputs[0], inputs[1])
        except Exception as error:  # a stranger's network may raise anything
            what = f"{spec.use!r} cannot take two batches as one: {raised(error, spec.component)}"
            problems.append(Problem(where.where, where.key, what))
            continue
        if habits.mixes:
            mixing.add(spec.name)
        if shared and (habits.mixes or habits.draws):
            what = (
                f"{spec.use!r} {'mixes the samples of a batch' if habits.mixes else 'draws numbers'}, and what several "
                "processes concatenate are their shares of the batches: they would train another game than one "
                "process. Leave concat out, or train by one process"
            )
            problems.append(Problem(where.where, where.key, what))
    if problems:
        raise RecipeError(problems)
    return frozenset(mixing)


def _calls_of(recipe: Recipe, network: str) -> list[Node]:
    """The values that players' losses read and the network makes, functions left out."""
    losses = [loss for player in recipe.players.values() for loss in player.losses.values()]
    nodes = below([node for loss in losses for node in loss.reads.values()])
    return [node for node in nodes if node.name == network and node.arguments is not None]


def _habits(network: nn.Module, first: Sequence[Value], second: Sequence[Value]) -> _Habits:
    """The same samples beside others and beside themselves, with the same draws."""
    buffers = [buffer.clone() for buffer in network.buffers()]
    made: list[list[Tensor]] = []
    draws = False
    for beside in (first, second):
        for buffer, old in zip(network.buffers(), buffers, strict=True):
            buffer.copy_(old)
        with seeded("concat"), torch.no_grad():
            state = torch.get_rng_state()
            whole = network(*map(concatenated, zip(first, beside, strict=True)))
            draws = draws or not torch.equal(state, torch.get_rng_state())
        made.append(_tensors(full(taken_apart(whole, [rows(first[0]), rows(beside[0])])[0])))
    mixes = any(
        float((one - other).abs().max()) > _TOLERANCE * max(1.0, float(one.abs().max()))
        for one, other in zip(*made, strict=True)
    )
    return _Habits(mixes, draws)


def _tensors(value: Value) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [each for part in value for each in _tensors(part)]


def _shape(values: Sequence[Value]) -> list[tuple[int, ...]]:
    """Of one sample of each argument."""
    return [tuple(each.shape[1:]) for each in _tensors(values)]


def _told(values: Sequence[Value]) -> str:
    return ", ".join("x".join(map(str, shape)) or "a number" for shape in _shape(values)) + " a sample"
