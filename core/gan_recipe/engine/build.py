"""Networks built by example, and the rehearsal: every loss computed once before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gan_recipe.components.failure import ComponentError, raised
from gan_recipe.engine.concat_check import check_concat
from gan_recipe.engine.concatenation import Value
from gan_recipe.engine.graph import Graph, Store
from gan_recipe.engine.made_by_name import initialise
from gan_recipe.engine.randomness import seeded
from gan_recipe.engine.rehearsal_findings import Broadcasts, last_step, norms_of, outside
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.evidence import Seen
from gan_recipe.language.expression import HOLE
from gan_recipe.language.nodes_read import nodes_read
from gan_recipe.language.plan import plan_round
from gan_recipe.language.recipe import LossSpec, Recipe
from gan_recipe.language.toml_file import Key


def fields_read(recipe: Recipe) -> tuple[Node, ...]:
    """The fields of the batch that anything in the recipe reads."""
    closed = [node for _, node, _ in nodes_read(recipe)]
    return tuple(node for node in below(closed) if node.arguments is None and node.name != HOLE)


def training_fields(recipe: Recipe) -> tuple[Node, ...]:
    """The fields that the losses read."""
    nodes = [
        node
        for player in recipe.players.values()
        for loss in player.losses.values()
        for node in (*loss.reads.values(), *loss.functions.values())
    ]
    return tuple(node for node in below(nodes) if node.arguments is None and node.name != HOLE)


def build_networks(recipe: Recipe, batch: Mapping[str, Tensor]) -> dict[str, nn.Module]:
    """Build every network for the inputs that its first call in the recipe has. Raises RecipeError.

    ``batch`` holds every field that the recipe reads. Each network is initialised from the
    recipe's seed and its own name alone: another head changes nobody else's first weights.
    """
    networks: dict[str, nn.Module] = {}
    known: dict[Node, Value] = {}
    problems: list[Problem] = []

    def call(node: Node, key: Key) -> None:
        inputs = [known[argument] for argument in node.arguments or ()]
        spec = recipe.networks[node.name]
        try:
            if node.name not in networks:
                with seeded("networks", node.name, recipe.run.seed):
                    module = spec.component.build(*inputs)
                    initialise(module, dict(spec.init))
                networks[node.name] = module.to(_device(inputs[0])).eval()
                if recipe.run.channels_last:
                    networks[node.name].to(memory_format=torch.channels_last)
            with torch.no_grad():
                known[node] = networks[node.name](*inputs)
        except Exception as error:  # a stranger's network may raise anything
            shapes = ", ".join(map(_shape, inputs))
            what = f"{node}: {spec.use!r} cannot take inputs of shape {shapes}: {raised(error, spec.component)}"
            raise _CallError(Problem(recipe.file.origin(key).where, ".".join(key), what)) from error

    failed: set[Node] = set()
    for key, node, hole in nodes_read(recipe):
        for inner in below([node]):
            if (inner in known and not inner.open) or inner in failed:
                continue
            if inner.arguments is None:
                if inner.name == HOLE:
                    if hole is None or hole not in known:
                        break
                    known[inner] = known[hole]
                else:
                    known[inner] = batch[inner.name]
            elif all(argument in known for argument in inner.arguments):
                try:
                    call(inner, key)
                except _CallError as error:
                    problems.append(error.problem)
                    failed.add(inner)
    if problems:
        raise RecipeError(problems)
    return networks


def rehearse(recipe: Recipe, graph: Graph, batch: Mapping[str, Tensor], *, shared: bool = False) -> Seen:
    """Compute and differentiate every loss once on ``batch``; leaves no trace in the networks. Raises RecipeError.

    ``shared`` says that several processes each have a share of every batch. Returns what only building and computing
    could show.
    """
    problems: list[Problem] = []
    last: dict[Key, str | None] = {}
    broadcasts: dict[Key, str] = {}
    before = {name: [buffer.clone() for buffer in network.buffers()] for name, network in graph.networks.items()}
    with seeded("rehearsal", recipe.run.seed):
        mixing = check_concat(recipe, graph, batch, shared=shared)
        for player in recipe.players.values():
            for loss in player.losses.values():
                try:
                    if broadcast := _rehearse_one(recipe, graph, batch, player.name, loss, last):
                        broadcasts[loss.key] = broadcast
                except Exception as error:  # a stranger's loss may raise anything
                    cause = error.error if isinstance(error, ComponentError) else error
                    shapes = ", ".join(f"{name} = {node}" for name, node in loss.reads.items())
                    what = f"{loss.use!r} failed on {shapes or 'its inputs'}: {raised(cause, loss.component)}"
                    problems.append(Problem(recipe.file.origin(loss.key).where, ".".join(loss.key), what))
    for name, network in graph.networks.items():
        for buffer, old in zip(network.buffers(), before[name], strict=True):
            buffer.copy_(old)
        for parameter in graph.parameters[name]:
            parameter.grad = None
    if problems:
        raise RecipeError(problems)
    return Seen({name: norms_of(network) for name, network in graph.networks.items()}, last, broadcasts, mixing)


def _rehearse_one(
    recipe: Recipe, graph: Graph, batch: Mapping[str, Tensor], player: str, loss: LossSpec, last: dict[Key, str | None]
) -> str | None:
    """Compute one loss; ``last`` is told what its values went through last. Returns a broadcast in it, in words."""
    plan = plan_round(recipe, [(player, [loss.name])])
    (move,) = plan.moves
    store: Store = {node: batch[node.name] for node in training_fields(recipe)}
    graph.compute(move, store)
    for parameter, node in loss.reads.items():
        if parameter in loss.component.roles:
            last[*loss.key, parameter] = last_step(store[node])
    read = {parameter: store[node] for parameter, node in loss.reads.items() if isinstance(store[node], Tensor)}
    with Broadcasts(read) as broadcasts, outside(broadcasts, graph.networks):
        (value,) = graph.losses(move, store)
    if not isinstance(value, Tensor) or value.dim() != 0:
        shape = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(f"a loss returns one number (shape ()), not {shape}")
    if not bool(torch.isfinite(value)):
        raise ValueError(f"the loss is {float(value)} on the first batch")
    torch.autograd.backward([value], graph.weights(move, [value], 0))
    found: str | None = broadcasts.found
    return found


class _CallError(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


def _device(value: Value) -> torch.device:
    found: torch.device = value.device if isinstance(value, Tensor) else _device(value[0])
    return found


def _shape(value: Value) -> str:
    if isinstance(value, Tensor):
        return str(tuple(value.shape))
    return f"[{', '.join(map(_shape, value))}]"
