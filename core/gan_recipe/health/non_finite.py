"""The first number of a run that is no number: in which round, of which loss, value and network.

Nothing is looked for while all is well. Once a line of figures holds a nan or an infinity, the rounds since the last
sound checkpoint are played again, which gives the same numbers bit for bit on a CPU, and every value is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from attrs import asdict, frozen
from torch import Tensor

from gan_recipe.engine.graph import Store
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError
from gan_recipe.health.going_back import restored
from gan_recipe.language.check_recovery import NON_FINITE
from gan_recipe.language.plan import Move
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds
from gan_recipe.runs.verdicts import Told

# A rate that suits most networks under Adam (Kingma and Ba 2015, its default): no cure states a higher one.
_TAME = 1e-3


@frozen
class Origin:
    """Where the first non-finite number arose."""

    round: int
    player: str
    #: What was not finite, in words: a field, a value and its network, a loss, the gradient of a loss.
    what: str
    loss: str | None
    value: str | None
    network: str | None
    #: Where in the move it was looked at: what was looked at before it was finite.
    place: int = 0


class _FoundError(Exception):
    def __init__(self, origin: Origin) -> None:
        self.origin = origin


def find_origin(training: Training, folder: RunFolder, last: int) -> Origin | None:
    """Play the rounds before ``last`` again, from the newest sound checkpoint; None when all of them are sound.

    A fresh copy of the training does it: ``training`` is left as it is. Of several processes all play, for none can
    play a round without the others, and of what they find in a move, what comes first in it is told by all.
    """
    processes = training.processes
    again = Training(training.recipe, training.device, processes, order=training.order, recoveries=training.recoveries)
    first = _restore(again, folder, last)
    again.join()

    def look(round: int, move: Move, store: Store, losses: Sequence[Tensor]) -> None:
        found = _seen(round, move, store, losses)
        if processes is not None:
            told = [each for each in processes.all_told(asdict(found) if found else None) if each]
            found = min((Origin(**each) for each in told), key=lambda origin: origin.place, default=None)
        if found:
            raise _FoundError(found)

    for round in range(first, last):
        try:
            again.play(round, again.stream.in_time(round), look)
        except _FoundError as error:
            return error.origin
        for name, player in again.players.items():
            if not _finite(player.parameters):
                network = next(each for each in player.spec.trains if not _finite(again.graph.parameters[each]))
                what = f"the optimiser's step made the weights of {network} infinite"
                return Origin(round, name, what, None, None, network)
    return None


def as_verdict(training: Training, origin: Origin) -> Told:
    """The verdict, with lower rates as its cure."""
    recipe = training.recipe
    cure: list[str] = []
    rates = {name: float(player.optimizer.options["lr"]) for name, player in recipe.players.items()}
    # Where some are wild the others need not change: they would only learn more slowly.
    lower = {name: _TAME for name, rate in rates.items() if rate > _TAME}
    for name, rate in (lower or {name: 0.1 * rate for name, rate in rates.items()}).items():
        cure += [f"[players.{name}]", f"optimizer.lr = {rate:g}"]
    text = (
        f"in round {origin.round:,}, in the move of {origin.player}, {origin.what}. "
        "Everything before it was finite; lower rates are the first thing to try"
    )
    return Told(origin.round, NON_FINITE, text, {"round": float(origin.round)}, tuple(cure), origin.player)


def _restore(training: Training, folder: RunFolder, last: int) -> int:
    """Go back to the newest checkpoint before ``last`` that is whole and holds no nan; to round 0 without one."""
    for round in reversed(checkpoint_rounds(folder)):
        if round < last:
            try:
                checkpoint = checkpoints.load(folder, round)
            except (checkpoints.BrokenCheckpointError, RunError):
                continue
            if all(_finite(list(group.values())) for group in checkpoint.tensors.values()):
                restored(training, folder, checkpoint)
                return round
    return 0


def _seen(round: int, move: Move, store: Store, losses: Sequence[Tensor]) -> Origin | None:
    """Look at every value of a move, inputs first, then at its losses."""
    player = move.player.name
    for place, compute in enumerate(move.computes):
        for argument in compute.node.arguments or ():
            if argument.arguments is None and not _finite([store[argument]]):
                what = f"the data's field {argument.label} held a number that is not finite"
                return Origin(round, player, what, None, argument.label, None, 2 * place)
        value = store[compute.node]
        if not _finite([value] if isinstance(value, Tensor) else list(value)):
            network = compute.node.name
            what = f"the value {compute.node.label} was the first that was not finite: the network {network} made it"
            reader = next((term.loss.name for term in move.terms if compute.node in term.loss.reads.values()), None)
            if reader:
                what += f", and the loss {reader} reads it"
            return Origin(round, player, what, reader, compute.node.label, network, 2 * place + 1)
    for term, loss in zip(move.terms, losses, strict=True):
        if not _finite([loss]):
            what = f"the loss {term.loss.name} became {float(loss)} although everything that it reads was finite"
            return Origin(round, player, what, term.loss.name, None, None, 2 * len(move.computes))
    return None


def _finite(tensors: Sequence[Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors if tensor.is_floating_point())
