"""What a signal is shown: a move between its losses and its step, and the run between two rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import define, field

from gan_recipe.health.contests import Contest, Meeting, label_fields, target_of
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.recipe import LossSpec, PlayerSpec, Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from gan_recipe.distributed.processes import Processes
    from gan_recipe.engine.training import Training
    from gan_recipe.language.plan import Move

_LOOKED_AT = "what signals look at"


@define(eq=False)
class Moment:
    """One player's move, between its losses and its step. Signals are called without gradients being recorded.

    Where several processes share a run, values, losses and pulls are those of the whole batch, in every process: all of
    them ask for the same ones in the same order.
    """

    round: int
    recipe: Recipe
    player: PlayerSpec
    #: The contests in which the player tells real from fake, and those in which it makes the fake.
    judges: Sequence[Contest]
    makes: Sequence[Contest]
    #: Where the player's losses meet.
    meetings: Sequence[Meeting]
    #: The losses that are due, balanced where the recipe balances them, each with the graph that made it; and what
    #: each is multiplied with in the total.
    losses: Mapping[str, Tensor]
    factors: Mapping[str, float]
    #: The networks that the player trains, its optimiser, and the average of its weights by network and name.
    networks: Mapping[str, nn.Module]
    optimizer: torch.optim.Optimizer
    averages: Mapping[tuple[str, str], Tensor]
    _store: Mapping[Node, Any]
    _processes: Processes | None = None
    _pulls: dict[int, Mapping[str, Tensor]] = field(factory=dict, init=False)

    @classmethod
    def of(
        cls,
        training: Training,
        contests: Sequence[Contest],
        meetings: Sequence[Meeting],
        round: int,
        move: Move,
        store: Mapping[Node, Any],
        values: Sequence[Tensor],
    ) -> Moment:
        """What ``Training.play`` shows of a move; ``contests`` are the recipe's, ``meetings`` the mover's."""

        name = move.player.name
        losses = {term.loss.name: value for term, value in zip(move.terms, values, strict=True)}
        if training.processes is not None:
            means = training.processes.means(losses, "the losses that signals look at")
            losses = {name: value + (means[name] - value).detach() for name, value in losses.items()}
        return cls(
            round=round,
            recipe=training.recipe,
            player=move.player,
            judges=[each for each in contests if each.critic == name],
            makes=[each for each in contests if each.generator == name],
            meetings=meetings,
            losses=losses,
            factors={term.loss.name: term.loss.counts(round) for term in move.terms},
            networks={name: training.graph.networks[name] for name in move.player.trains},
            optimizer=training.players[name].optimizer,
            averages=training.players[name].averages,
            store=store,
            processes=training.processes,
        )

    def loss(self, name: str) -> LossSpec:
        return self.player.losses[name]

    def value(self, node: Node | None) -> Tensor | None:
        """A value of the round in full precision; None when this move has not computed it.

        With its graph in a single process. Of several, each holds the graph of its own samples, and none is given.
        """
        from gan_recipe.engine.graph import full

        found = None if node is None else self._store.get(node)
        if found is None or isinstance(found, tuple):
            return None
        return full(found) if self._processes is None else self._processes.rows(full(found).detach(), _LOOKED_AT)

    def target(self, contest: Contest) -> Tensor | None:
        """What a loss of the contest's generator compares the made sample with; None where none does."""
        return self.value(target_of(self.recipe, contest))

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
                        found[name] = self._of_all(slope.float(), meeting) * self.factors[name]
            self._pulls[id(at)] = found
        return self._pulls[id(at)]

    def _of_all(self, slope: Tensor, meeting: Meeting) -> Tensor:
        """The slope of the mean loss over processes, of which each has the part of its own samples."""
        if self._processes is None:
            return slope
        whole = self._processes.sum if meeting.value is None else self._processes.rows
        return whole(slope.contiguous(), _LOOKED_AT) / self._processes.count

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
        """Values on 32 samples or a few more of the held-out or of the training data, always the same ones."""
        missing = [node for node in nodes if (held_out, node) not in self._known]
        if missing:
            fields = [leaf.name for leaf in below(missing) if leaf.arguments is None]
            batch = self._training.fixed_batch(fields, held_out=held_out)
            for node, value in zip(missing, self._training.graph.evaluate(missing, batch), strict=True):
                self._known[held_out, node] = value
        return [self._known[held_out, node] for node in nodes]

    def target(self, contest: Contest) -> Tensor | None:
        """What a loss of the contest's generator compares the made sample with, held out; None where none does."""
        target = target_of(self.recipe, contest)
        return None if target is None else self.values([target], held_out=True)[0]

    def fields_of(self, node: Node) -> Mapping[str, int | None]:
        """The fields of the batch that a value reads, and their classes where they are labels."""
        return label_fields(self.recipe, node)

    def figure(self, metric: str, *, samples: int) -> float | None:
        """A metric of the recipe over some held-out samples; None when it has yet to learn from examples."""
        from gan_recipe.engine.evaluate import examples_of, figure

        spec = self.recipe.metrics[metric]
        has_learnt = getattr(spec.component, "has_learnt", None)
        if has_learnt is None or not has_learnt(**examples_of(self._training, spec)):
            return None
        values = self._training.values(list(spec.reads.values()), samples)
        return figure(self._training, spec, dict(zip(spec.reads, values, strict=True)))
