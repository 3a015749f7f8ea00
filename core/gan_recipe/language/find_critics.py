"""Findings about critics: their logits, their penalties, and what a Wasserstein critic must be."""

from __future__ import annotations

from collections.abc import Iterator

from gan_recipe.language.dataflow import Node
from gan_recipe.language.evidence import Evidence, listed
from gan_recipe.language.expression import HOLE
from gan_recipe.language.findings import RecipeFinding
from gan_recipe.language.recipe import LossSpec, PlayerSpec

_VERDICTS = ("verdict", "logit", "wasserstein")
# So many first rounds show a schedule's habit.
_ROUNDS = 2_000


def in_loss(evidence: Evidence, player: PlayerSpec, loss: LossSpec) -> Iterator[RecipeFinding]:
    """What is wrong with the scores that a loss reads, and with the critic that a penalty is handed."""
    for parameter, role in loss.component.roles.items():
        if role in (*_VERDICTS, "class_logits") and parameter in loss.reads:
            yield from _squashed(evidence, loss, parameter, role)
        if role == "critic" and parameter in loss.functions:
            yield from _penalty(evidence, player, loss, parameter)


def _squashed(evidence: Evidence, loss: LossSpec, parameter: str, role: str) -> Iterator[RecipeFinding]:
    node, key = loss.reads[parameter], (*loss.key, parameter)
    last = evidence.last(loss, parameter)
    if last == "norm" and role != "class_logits":
        yield evidence.finding(
            "norm_on_logit",
            key,
            f"a norm layer is the last thing that {node} goes through. Reals and fakes come in batches of their "
            "own, so it takes away the very offset that tells them apart. Let the last layer give a plain logit",
        )
    if (role in ("logit", "class_logits") and last in ("sigmoid", "softmax")) or (role == "logit" and last == "tanh"):
        yield evidence.finding(
            "squashed_logit",
            key,
            f"{node} has been through a {last}, and {loss.use!r} takes logits: squashed twice, nobody can ever be "
            f"sure, and the gradient vanishes. Leave the {last} out",
        )


def _penalty(evidence: Evidence, player: PlayerSpec, loss: LossSpec, parameter: str) -> Iterator[RecipeFinding]:
    function, key = loss.functions[parameter], (*loss.key, parameter)
    verdicts = [
        node
        for each in player.losses.values()
        for name, role in each.component.roles.items()
        if role in _VERDICTS and (node := each.reads.get(name)) is not None
    ]
    if verdicts and not any(_is_made_by(function, node) for node in verdicts):
        yield evidence.finding(
            "penalty_elsewhere",
            key,
            f"the slope of {function} is punished, and the verdicts of {player.name!r} are {listed(verdicts)}: "
            "none of them is that function of anything. Punish the critic that gives them",
        )
    mixing = [name for name in sorted(function.networks) if "batch" in evidence.norms(name)]
    if mixing:
        yield evidence.finding(
            "penalty_on_batch_norm",
            key,
            f"{loss.use!r} differentiates each sample's verdict by that sample alone, and batch norm in "
            f'{listed(mixing)} mixes them. Give it norm = "none" or "group"',
        )


def in_player(evidence: Evidence, player: PlayerSpec) -> Iterator[RecipeFinding]:
    """What is wrong with a critic as a whole: its constraints, its norm layers, how often it moves."""
    for constraint in player.constraints.values():
        normalised = [name for name in constraint.on if evidence.norms(name)]
        if evidence.clips_norms(constraint) and normalised:
            yield evidence.finding(
                "clipped_norm_gains",
                constraint.key,
                f"it clips the gains of the norm layers in {listed(normalised)} too: each layer then passes on a "
                "hundredth of what it should, and the scores go flat. Spare them: spare_norms = true",
            )
    for loss in player.losses.values():
        if {"wasserstein"} == {*loss.component.roles.values()}:
            yield from _wasserstein(evidence, player, loss)


def _wasserstein(evidence: Evidence, player: PlayerSpec, loss: LossSpec) -> Iterator[RecipeFinding]:
    critic = set(player.trains)
    mixing = [name for name in player.trains if "batch" in evidence.norms(name)]
    if mixing:
        yield evidence.finding(
            "wasserstein_batch_norm",
            loss.key,
            f"{listed(mixing)} has batch norm: a Wasserstein critic is a function of one sample, and reals and "
            'fakes that are normalised apart lose their distance. Give it norm = "none" or "group"',
        )
    bounded = [each for each in player.losses.values() if each.component.bounds_slope]
    held = [each for each in player.constraints.values() if each.component.bounds_slope]
    if not bounded and not held:
        yield evidence.finding(
            "unbounded_wasserstein",
            loss.key,
            "nothing bounds the critic's slope, so the loss falls for ever and says nothing. Add the loss wgan_gp, "
            "or the constraint spectral_norm or wgan_clip",
        )
    learners = [
        each.name
        for each in evidence.recipe.players.values()
        if each.name != player.name and any(critic & node.networks for node in _verdicts_of(each))
    ]
    rounds = min(evidence.recipe.run.rounds, _ROUNDS)
    moved = evidence.moved(rounds)
    often = [name for name in learners if moved[name] > moved[player.name]]
    if often:
        yield evidence.finding(
            "few_critic_steps",
            loss.key,
            f"{player.name!r} moves {moved[player.name]:,} times in the first {rounds:,} rounds and "
            f"{listed(often)} more often: its distance is out of date when they learn from it. WGAN "
            'takes five critic steps to one: [schedule] use = "n_critic"',
        )


def _is_made_by(function: Node, value: Node) -> bool:
    """Whether ``value`` is ``function`` of something."""
    if function.name == HOLE and function.arguments is None:
        return True
    if not function.open:
        return function is value
    return (
        function.name == value.name
        and len(function.arguments or ()) == len(value.arguments or ())
        and all(map(_is_made_by, function.arguments or (), value.arguments or ()))
    )


def _verdicts_of(player: PlayerSpec) -> Iterator[Node]:
    for loss in player.losses.values():
        for parameter, role in loss.component.roles.items():
            if role in _VERDICTS and parameter in loss.reads:
                yield loss.reads[parameter]
