"""Whether a batch may be split: every loss tried on a few samples, whole and as the mean of its halves.

A loss is the mean of its samples' losses or it is not; no list of components could tell, and one measurement does. What
mixes samples (statistics of a minibatch, averages of the other side's logits) trains another game in N processes than
in one, and nothing would say so. Batch norm is left out here: it is given the whole batch (``shared_batch_norm.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_recipe.distributed.row_draws import RowDraws
from gan_recipe.engine.build import training_fields
from gan_recipe.engine.graph import Graph, Store
from gan_recipe.engine.randomness import seeded
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.language.plan import plan_round
from gan_recipe.language.recipe import LossSpec, Recipe

# Rounding in float32 stays a hundred times below; what mixes samples has been far above.
_TOLERANCE = 1e-3
# At most so many samples in a half, and a divisor of a process's share: groups of samples that fit one fit the other.
_ROWS = 32


def check_split(
    recipe: Recipe, networks: Mapping[str, nn.Module], batch: Mapping[str, Tensor], *, share: int, device: str
) -> bool:
    """Try every loss on up to 64 samples of ``batch`` and on each half of them; whether any of them draws numbers.

    ``networks`` are in the modes that they train in; ``share`` is how many samples each process has. Leaves no trace in
    the networks. Raises RecipeError for every loss that is not the mean over its samples.
    """
    rows = max(n for n in range(1, min(share, _ROWS) + 1) if share % n == 0)
    graph = Graph(networks, device=device)
    norms = [module for network in networks.values() for module in network.modules() if isinstance(module, _BatchNorm)]
    training = [norm.training for norm in norms]
    buffers = [buffer for network in networks.values() for buffer in network.buffers()]
    before = [buffer.clone() for buffer in buffers]
    for norm in norms:
        norm.eval()
    problems = []
    draws = False
    for player in recipe.players.values():
        for loss in player.losses.values():
            found = []
            for half in (None, 0, 1):
                for buffer, old in zip(buffers, before, strict=True):
                    buffer.copy_(old)
                first, stop = (0, 2 * rows) if half is None else (half * rows, (half + 1) * rows)
                part = {name: tensor[first:stop] for name, tensor in batch.items()}
                with seeded("split", recipe.run.seed):
                    state = torch.get_rng_state()
                    try:
                        with nullcontext() if half is None else RowDraws(half, 2, rows):
                            found.append(_value_and_gradient(recipe, graph, part, player.name, loss.name))
                    except Exception:  # it fails in the rehearsal, too, which says of what
                        break
                    draws = draws or not torch.equal(state, torch.get_rng_state())
            if len(found) == 3 and (problem := _problem(recipe, loss, found, rows)):
                problems.append(problem)
    for buffer, old in zip(buffers, before, strict=True):
        buffer.copy_(old)
    for norm, was in zip(norms, training, strict=True):
        norm.train(was)
    if problems:
        raise RecipeError(problems)
    return draws


def _value_and_gradient(
    recipe: Recipe, graph: Graph, batch: Mapping[str, Tensor], player: str, loss: str
) -> tuple[float, Tensor]:
    (move,) = plan_round(recipe, [(player, [loss])]).moves
    store: Store = {node: batch[node.name] for node in training_fields(recipe)}
    graph.compute(move, store)
    (value,) = graph.losses(move, store)
    parameters = [p for name in recipe.players[player].trains for p in graph.parameters[name] if p.requires_grad]
    gradients = torch.autograd.grad(value, parameters, allow_unused=True) if value.requires_grad else ()
    flat = [gradient.flatten() for gradient in gradients if gradient is not None]
    return float(value.detach()), torch.cat(flat) if flat else torch.zeros(1)


def _problem(recipe: Recipe, loss: LossSpec, found: list[tuple[float, Tensor]], rows: int) -> Problem | None:
    (whole, slope), *halves = found
    mean = sum(value for value, _ in halves) / 2
    apart = abs(whole - mean) > _TOLERANCE * max(abs(whole), *(abs(value) for value, _ in halves)) + 1e-6
    if not apart:
        same_shape = all(gradient.shape == slope.shape for _, gradient in halves)
        mean_slope = (halves[0][1] + halves[1][1]) / 2 if same_shape else torch.zeros_like(slope)
        largest = max(float(gradient.norm()) for _, gradient in found)
        apart = float((slope - mean_slope).norm()) > _TOLERANCE * largest
    if not apart:
        return None
    what = (
        f"{loss.use!r} of {2 * rows} samples is {whole:.6g} and the mean of its halves' {mean:.6g}, or their gradients "
        "differ so: something that it reads mixes the samples of a batch, such as statistics of a minibatch. Processes "
        "that each have a share of the batch would train another game than one process. Train this recipe by one "
        "process, or use a network and a loss that take each sample by itself"
    )
    return Problem(recipe.file.origin(loss.key).where, ".".join(loss.key), what)
