"""The rules that find what will not work: from the recipe alone, or with what the rehearsal has seen of it built."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from attrs import field, frozen

from gan_recipe.errors import Problem, RecipeError
from gan_recipe.interfaces import Traits
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.expression import HOLE
from gan_recipe.language.findings import Finding
from gan_recipe.language.recipe import LossSpec, PlayerSpec, Recipe
from gan_recipe.language.toml_file import Key

_T = TypeVar("_T")
_VERDICTS = ("verdict", "logit", "wasserstein")
# So many first rounds show a schedule's habit.
_ROUNDS = 2_000


@frozen
class Seen:
    """What building and rehearsing has shown; without it, what the components say of themselves is believed."""

    #: The kinds of norm layers in each network.
    norms: Mapping[str, frozenset[str]] = field(factory=dict)
    #: What a value went through last, by the key of the loss's parameter that reads it.
    last: Mapping[Key, str | None] = field(factory=dict)
    #: Operations on tensors of different shapes, in words, by the loss's key.
    broadcasts: Mapping[Key, str] = field(factory=dict)
    #: Networks that concatenate the batches of their calls and mix the samples.
    mixing: frozenset[str] = frozenset()


def find(recipe: Recipe, seen: Seen | None = None) -> tuple[Finding, ...]:
    """Everything that is found and not silenced, in the order of the recipe's networks, players and losses.

    Raises RecipeError for a component that fails when it is asked.
    """
    search = _Search(recipe, seen or Seen())
    found = list(search.of_networks())
    for player in recipe.players.values():
        for loss in player.losses.values():
            found += search.of_loss(player, loss)
        found += search.of_player(player)
    return tuple(dict.fromkeys(finding for finding in found if finding.name not in recipe.silenced))


@frozen
class _Search:
    recipe: Recipe
    seen: Seen

    # ------------------------------------------------------------------------------------------------- one loss

    def of_loss(self, player: PlayerSpec, loss: LossSpec) -> Iterator[Finding]:
        for parameter, role in loss.component.roles.items():
            if role in (*_VERDICTS, "class_logits") and parameter in loss.reads:
                yield from self._squashed(loss, parameter, role)
            if role == "critic" and parameter in loss.functions:
                yield from self._penalty(player, loss, parameter)
        yield from self._labels(player, loss)
        yield from self._targets(loss)
        if what := self.seen.broadcasts.get(loss.key):
            yield self._finding("broadcast_in_loss", loss.key, what)

    def _squashed(self, loss: LossSpec, parameter: str, role: str) -> Iterator[Finding]:
        node, key = loss.reads[parameter], (*loss.key, parameter)
        last = self.seen.last[key] if key in self.seen.last else self._declared_last(node)
        if last == "norm" and role != "class_logits":
            yield self._finding(
                "norm_on_logit",
                key,
                f"a norm layer is the last thing that {node} goes through. Reals and fakes come in batches of their "
                "own, so it takes away the very offset that tells them apart. Let the last layer give a plain logit",
            )
        if (role in ("logit", "class_logits") and last in ("sigmoid", "softmax")) or (
            role == "logit" and last == "tanh"
        ):
            yield self._finding(
                "squashed_logit",
                key,
                f"{node} has been through a {last}, and {loss.use!r} takes logits: squashed twice, nobody can ever be "
                f"sure, and the gradient vanishes. Leave the {last} out",
            )

    def _penalty(self, player: PlayerSpec, loss: LossSpec, parameter: str) -> Iterator[Finding]:
        function, key = loss.functions[parameter], (*loss.key, parameter)
        verdicts = [
            node
            for each in player.losses.values()
            for name, role in each.component.roles.items()
            if role in _VERDICTS and (node := each.reads.get(name)) is not None
        ]
        if verdicts and not any(_is_made_by(function, node) for node in verdicts):
            yield self._finding(
                "penalty_elsewhere",
                key,
                f"the slope of {function} is punished, and the verdicts of {player.name!r} are {_listed(verdicts)}: "
                "none of them is that function of anything. Punish the critic that gives them",
            )
        mixing = [name for name in sorted(function.networks) if "batch" in self._norms(name)]
        if mixing:
            yield self._finding(
                "penalty_on_batch_norm",
                key,
                f"{loss.use!r} differentiates each sample's verdict by that sample alone, and batch norm in "
                f'{_listed(mixing)} mixes them. Give it norm = "none" or "group"',
            )

    def _labels(self, player: PlayerSpec, loss: LossSpec) -> Iterator[Finding]:
        pairs = _by_role(loss)
        logits, labels = pairs.get("class_logits"), pairs.get("labels")
        if logits is None or labels is None or labels.arguments is not None:
            return
        lost = self._lost(labels, logits)
        if not lost:
            return
        key, saw = (*loss.key, _parameter(loss, "labels")), _listed(_leaves(logits))
        if logits.networks <= set(player.trains):
            classes = self.recipe.fields[labels.name].classes
            known = self._factors([*_leaves(logits)]) or frozenset()
            right = [
                name
                for name, each in self.recipe.fields.items()
                if each.classes == classes and each.factors and self._qualified(name) <= known
            ]
            yield self._finding(
                "unlearnable_label",
                key,
                f"{logits} sees {saw}, and {labels} is the label of another image: nobody can learn it, and the loss "
                f"stays near ln {classes}. {_cure('Teach it the label of what it sees', right)}",
            )
        else:
            yield self._lost_factor(key, labels, logits, lost)

    def _targets(self, loss: LossSpec) -> Iterator[Finding]:
        pairs = _by_role(loss)
        output, target = pairs.get("output"), pairs.get("target")
        if output is None or target is None:
            return
        if output.arguments is None:
            output, target = target, output
        if output.arguments is not None and target.arguments is None and (lost := self._lost(target, output)):
            yield self._lost_factor((*loss.key, _parameter(loss, "target")), target, output, lost)

    def _lost_factor(self, key: Key, target: Node, output: Node, lost: frozenset[str]) -> Finding:
        telling = [
            name
            for name, each in self.recipe.fields.items()
            if len(each.shape) < 3 and (mine := self._qualified(name)) and mine <= lost
        ]
        return self._finding(
            "lost_factor",
            key,
            f"{target} is a matter of {_listed(sorted(each.partition('.')[2] for each in lost))}, drawn at random, and "
            f"{output} is made from {_listed(_leaves(output))}, which does not tell it: nobody can learn it. "
            f"{_cure('Give it to the network too', telling)}, or fix it in the data",
        )

    # ------------------------------------------------------------------------------------------------- one player

    def of_player(self, player: PlayerSpec) -> Iterator[Finding]:
        for constraint in player.constraints.values():
            normalised = [name for name in constraint.on if self._norms(name)]
            clips = self._asked(constraint.key, constraint.use, constraint.component.clips_norms)
            if clips and normalised:
                yield self._finding(
                    "clipped_norm_gains",
                    constraint.key,
                    f"it clips the gains of the norm layers in {_listed(normalised)} too: each layer then passes on a "
                    "hundredth of what it should, and the scores go flat. Spare them: spare_norms = true",
                )
        for loss in player.losses.values():
            if {"wasserstein"} == {*loss.component.roles.values()}:
                yield from self._wasserstein(player, loss)

    def _wasserstein(self, player: PlayerSpec, loss: LossSpec) -> Iterator[Finding]:
        critic = set(player.trains)
        mixing = [name for name in player.trains if "batch" in self._norms(name)]
        if mixing:
            yield self._finding(
                "wasserstein_batch_norm",
                loss.key,
                f"{_listed(mixing)} has batch norm: a Wasserstein critic is a function of one sample, and reals and "
                'fakes that are normalised apart lose their distance. Give it norm = "none" or "group"',
            )
        bounded = [each for each in player.losses.values() if each.component.bounds_slope]
        held = [each for each in player.constraints.values() if each.component.bounds_slope]
        if not bounded and not held:
            yield self._finding(
                "unbounded_wasserstein",
                loss.key,
                "nothing bounds the critic's slope, so the loss falls for ever and says nothing. Add the loss wgan_gp, "
                "or the constraint spectral_norm or wgan_clip",
            )
        learners = [
            each.name
            for each in self.recipe.players.values()
            if each.name != player.name and any(critic & node.networks for node in _verdicts_of(each))
        ]
        moved = dict.fromkeys(self.recipe.players, 0)
        rounds = min(self.recipe.run.rounds, _ROUNDS)
        for round in range(rounds):
            for name in self._asked(("schedule",), self.recipe.schedule_use, self._moves, round):
                moved[name] += 1
        often = [name for name in learners if moved[name] > moved[player.name]]
        if often:
            yield self._finding(
                "few_critic_steps",
                loss.key,
                f"{player.name!r} moves {moved[player.name]:,} times in the first {rounds:,} rounds and "
                f"{_listed(often)} more often: its distance is out of date when they learn from it. WGAN "
                'takes five critic steps to one: [schedule] use = "n_critic"',
            )

    # ------------------------------------------------------------------------------------------------- networks

    def of_networks(self) -> Iterator[Finding]:
        standing = self.recipe.frozen_networks
        for name, network in self.recipe.networks.items():
            if not network.concat:
                continue
            if self.seen.norms:
                mixes = name in self.seen.mixing
            else:
                mixes = name not in standing and "batch" in self._norms(name)
            if mixes:
                yield self._finding(
                    "concat_mixes",
                    (*network.key, "concat"),
                    f"{name} mixes the samples of a batch, as batch norm does, and would see the batches of several "
                    "calls as one: reals and fakes, with statistics of neither. Leave concat out, or use norm layers "
                    'of single samples, such as norm = "group"',
                )

    # ------------------------------------------------------------------------------------------------- what is known

    def _finding(self, name: str, key: Key, what: str) -> Finding:
        return Finding(name, Problem(self.recipe.file.origin(key).where, ".".join(key), what))

    def _norms(self, network: str) -> frozenset[str]:
        if network in self.seen.norms:
            return self.seen.norms[network]
        traits = self._traits(network)
        return traits.norms if traits else frozenset()

    def _declared_last(self, node: Node) -> str | None:
        traits = self._traits(node.name) if node.arguments else None
        return traits.last if traits else None

    def _traits(self, network: str) -> Traits | None:
        spec = self.recipe.networks[network]
        return self._asked(spec.key, spec.use, spec.component.traits)

    def _moves(self, round: int) -> Sequence[str]:
        return self.recipe.schedule.moves(round, tuple(self.recipe.players))

    def _asked(self, key: Key, use: str, tell: Callable[..., _T], *asked: Any) -> _T:
        try:
            return tell(*asked)
        except Exception as error:  # a stranger's component may raise anything
            what = f"{use!r} fails when it is asked what it does: {type(error).__name__}: {error}"
            raise RecipeError([Problem(self.recipe.file.origin(key).where, ".".join(key), what)]) from error

    def _lost(self, wanted: Node, made: Node) -> frozenset[str]:
        """The factors of the field ``wanted`` that nothing below ``made`` tells; empty where that is not known."""
        asked, told = self._factors([wanted]), self._factors(_leaves(made))
        return frozenset() if asked is None or told is None else asked - told

    def _factors(self, leaves: Iterable[Node]) -> frozenset[str] | None:
        found: frozenset[str] = frozenset()
        for leaf in leaves:
            if self.recipe.fields[leaf.name].factors is None:
                return None
            found |= self._qualified(leaf.name)
        return found

    def _qualified(self, name: str) -> frozenset[str]:
        """A field's factors; two sources may call theirs alike."""
        return frozenset(f"{name.partition('.')[0]}.{each}" for each in self.recipe.fields[name].factors or ())


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


def _by_role(loss: LossSpec) -> dict[str, Node]:
    return {role: loss.reads[name] for name, role in loss.component.roles.items() if name in loss.reads}


def _parameter(loss: LossSpec, role: str) -> str:
    return next(name for name, each in loss.component.roles.items() if each == role)


def _leaves(node: Node) -> list[Node]:
    return [each for each in below([node]) if each.arguments is None]


def _listed(names: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(map(str, names)))


def _cure(sentence: str, fields: Iterable[str]) -> str:
    named = _listed(name.partition(".")[2] for name in fields)
    return f"{sentence}: {named}" if named else sentence
