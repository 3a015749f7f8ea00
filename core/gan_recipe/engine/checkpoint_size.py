"""How many bytes a checkpoint will have, before the first move has made the optimisers' state."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from gan_recipe.engine.made_by_name import make_optimizer
from gan_recipe.engine.player import Player
from gan_recipe.engine.training import Training

# A tensor's entry in a file's header, and an optimiser's in ``state.json``.
_HEADER = 110


def checkpoint_size(training: Training) -> int:
    """The bytes of a checkpoint: weights, averages, and what the optimisers will keep after every player has moved.

    Some of timm's optimisers tell nothing without tensors to work on: they are taken to keep one copy of the weights,
    which is the least that any of them was seen to.
    """
    networks = training.graph.networks.values()
    size = sum(_size(network.state_dict().values()) for network in networks)
    for player in training.players.values():
        size += _size(player.averages.values()) + _optimizer_size(player)
    return size


def _optimizer_size(player: Player) -> int:
    # On torch's meta device tensors have a shape and no memory: a step there makes the very state of a real one.
    phantoms = [torch.nn.Parameter(torch.empty_like(each, device="meta")) for each in player.parameters]
    for phantom in phantoms:
        phantom.grad = torch.empty_like(phantom)
    optimizer = make_optimizer(player.spec.optimizer, list(phantoms))
    try:
        optimizer.step()
    except RuntimeError:
        return _size(phantoms)
    state = optimizer.state_dict()["state"].values()
    return _size(value for entries in state for value in entries.values() if isinstance(value, Tensor))


def _size(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes + _HEADER for tensor in tensors)
