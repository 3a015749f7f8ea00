"""Whether a run trains in bf16 where its recipe leaves that open."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from gan_recipe.engine.graph import Graph
from gan_recipe.engine.hardware import has_bf16
from gan_recipe.engine.stream import Batch
from gan_recipe.language.recipe import Recipe

# Multiplications a round. Since group norms and ELU are fast in bf16, it pays on a CPU from about 1e9 on (measured from
# 16 to 64 px); between the two a recipe would train in another precision than its figures were taken in.
_BF16_FLOPS = 5e9


def wants_bf16(recipe: Recipe, networks: Mapping[str, nn.Module], batch: Batch, device: str) -> bool:
    """What ``run.precision`` states; if that is ``auto``, whether the hardware has bf16 and a round is worth it."""
    precision = recipe.run.precision
    if precision != "auto":
        return precision == "bf16"
    if not has_bf16(device):
        return False
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    graph = Graph(networks, device=device)
    nodes = [
        node for player in recipe.players.values() for loss in player.losses.values() for node in loss.reads.values()
    ]
    with counter:
        graph.evaluate(nodes, {name: tensor[:1] for name, tensor in batch.items()})
    return counter.get_total_flops() * recipe.run.batch > _BF16_FLOPS
