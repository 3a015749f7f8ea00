"""What a signal is shown: a move between its losses and its step, and the run between two rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from gan_recipe.contests import Contest, Meeting
from gan_recipe.dataflow import Node, below
from gan_recipe.recipe import LossSpec, PlayerSpec, Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gan_recipe.training import Training


@define(eq=False)
class Moment:
    """One player's move, between its losses and its step. Signals are called without gradients being recorded."""

    round: int
    player: PlayerSpec
    #: The contests in which the player tells real from fake, and those in which it makes the fake.
    judges: Sequence[Contest]
    makes: Sequence[Contest]
    #: Where the player's losses meet.
    meetings: Sequence[Meeting]
    #: The losses that are due, raw, each with the graph that made it; and what each is multiplied with in the total.
    losses: Mapping[str, Tensor]
    factors: Mapping[str, float]
    #: The networks that the player trains, its optimiser, and the average of its weights by network and name.
    networks: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    averages: Mapping[tuple[str, str], Tensor]
    _store: Mapping[Node, Any]
    _pulls: dict[int, Mapping[str, Tensor]] = field(factory=dict, init=False)

    def loss(self, name: str) -> LossSpec:
        return self.player.losses[name]

    def value(self, node: Node | None) -> Tensor | None:
        """A value of the round in full precision, with its graph; None when this move has not computed it."""
        from gan_recipe.graph import full

        found = None if node is None else self._store.get(node)
        return None if found is None or isinstance(found, tuple) else full(found)

    def pulls(self, meeting: Meeting) -> Mapping[str, Tensor]:
        """What each due loss contributes to the gradient where the losses meet, its weight included.

        One backward pass a loss, down to the meeting point and no further. A loss whose gradient vanishes there
        contributes zeros; one whose value does not pass the meeting point is left out.
        """
        import torch

        at = self._store.get(meeting.value) if meeting.value is not None else self._last_weights(str(meeting.network))
        if not isinstance(at, torch.Tensor) or not at.requires_grad:
            return {}
        if id(at) not in self._pulls:
            found = {}
            for name in meeting.losses:
                if name in self.losses and self.losses[name].requires_grad:
                    (slope,) = torch.autograd.grad(self.losses[name], at, retain_graph=True, allow_unused=True)
                    if slope is not None:
                        found[name] = slope.float() * self.factors[name]
            self._pulls[id(at)] = found
        return self._pulls[id(at)]

    def _last_weights(self, network: str) -> Tensor | None:
        matrices = [weight for weight in self.networks[network].parameters() if weight.dim() > 1]
        return matrices[-1] if matrices else None


@define(eq=False)
class Look:
    """The run between two rounds, in eval mode and with averaged weights, on data that stays the same all along."""

    round: int
    recipe: Recipe
    contests: Sequence[Contest]
    _training: Training
    _known: dict[tuple[bool, Node], Any] = field(factory=dict, init=False)

    def values(self, nodes: Sequence[Node], *, held_out: bool) -> list[Tensor]:
        """Values on the first batch of the held-out or of the training data.

        Raises LookupError for a value that reads a field which held-out samples do not have.
        """
        missing = [node for node in nodes if (held_out, node) not in self._known]
        if missing:
            fields = [leaf.name for leaf in below(missing) if leaf.arguments is None]
            batch = self._training.fixed_batch(fields, held_out=held_out)
            for node, value in zip(missing, self._training.graph.evaluate(missing, batch), strict=True):
                self._known[held_out, node] = value
        return [self._known[held_out, node] for node in nodes]
