"""Findings about what nobody can learn: of an output's target, nothing that reaches its network tells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.evidence import Evidence, listed
from gan_recipe.language.findings import RecipeFinding
from gan_recipe.language.recipe import LossSpec, PlayerSpec
from gan_recipe.language.toml_file import Key


def in_loss(evidence: Evidence, player: PlayerSpec, loss: LossSpec) -> Iterator[RecipeFinding]:
    """Labels and targets that depend on what the network is not shown."""
    yield from _labels(evidence, player, loss)
    yield from _targets(evidence, loss)


def _labels(evidence: Evidence, player: PlayerSpec, loss: LossSpec) -> Iterator[RecipeFinding]:
    pairs = _by_role(loss)
    logits, labels = pairs.get("class_logits"), pairs.get("labels")
    if logits is None or labels is None or labels.arguments is not None:
        return
    lost = _lost(evidence, labels, logits)
    if not lost:
        return
    key, saw = (*loss.key, _parameter(loss, "labels")), listed(_leaves(logits))
    if logits.networks <= set(player.trains):
        classes = evidence.recipe.fields[labels.name].classes
        known = _factors(evidence, [*_leaves(logits)]) or frozenset()
        right = [
            name
            for name, each in evidence.recipe.fields.items()
            if each.classes == classes and each.factors and _qualified(evidence, name) <= known
        ]
        yield evidence.finding(
            "unlearnable_label",
            key,
            f"{logits} sees {saw}, and {labels} is the label of another image: nobody can learn it, and the loss "
            f"stays near ln {classes}. {_cure('Teach it the label of what it sees', right)}",
        )
    else:
        yield _lost_factor(evidence, key, labels, logits, lost)


def _targets(evidence: Evidence, loss: LossSpec) -> Iterator[RecipeFinding]:
    pairs = _by_role(loss)
    output, target = pairs.get("output"), pairs.get("target")
    if output is None or target is None:
        return
    if output.arguments is None:
        output, target = target, output
    if output.arguments is not None and target.arguments is None and (lost := _lost(evidence, target, output)):
        yield _lost_factor(evidence, (*loss.key, _parameter(loss, "target")), target, output, lost)


def _lost_factor(evidence: Evidence, key: Key, target: Node, output: Node, lost: frozenset[str]) -> RecipeFinding:
    telling = [
        name
        for name, each in evidence.recipe.fields.items()
        if len(each.shape) < 3 and (mine := _qualified(evidence, name)) and mine <= lost
    ]
    return evidence.finding(
        "lost_factor",
        key,
        f"{target} is a matter of {listed(sorted(each.partition('.')[2] for each in lost))}, drawn at random, and "
        f"{output} is made from {listed(_leaves(output))}, which does not tell it: nobody can learn it. "
        f"{_cure('Give it to the network too', telling)}, or fix it in the data",
    )


def _lost(evidence: Evidence, wanted: Node, made: Node) -> frozenset[str]:
    """The factors of the field ``wanted`` that nothing below ``made`` tells; empty where that is not known."""
    asked, told = _factors(evidence, [wanted]), _factors(evidence, _leaves(made))
    return frozenset() if asked is None or told is None else asked - told


def _factors(evidence: Evidence, leaves: Iterable[Node]) -> frozenset[str] | None:
    found: frozenset[str] = frozenset()
    for leaf in leaves:
        if evidence.recipe.fields[leaf.name].factors is None:
            return None
        found |= _qualified(evidence, leaf.name)
    return found


def _qualified(evidence: Evidence, name: str) -> frozenset[str]:
    """A field's factors; two sources may call theirs alike."""
    return frozenset(f"{name.partition('.')[0]}.{each}" for each in evidence.recipe.fields[name].factors or ())


def _by_role(loss: LossSpec) -> dict[str, Node]:
    return {role: loss.reads[name] for name, role in loss.component.roles.items() if name in loss.reads}


def _parameter(loss: LossSpec, role: str) -> str:
    return next(name for name, each in loss.component.roles.items() if each == role)


def _leaves(node: Node) -> list[Node]:
    return [each for each in below([node]) if each.arguments is None]


def _cure(sentence: str, fields: Iterable[str]) -> str:
    named = listed(name.partition(".")[2] for name in fields)
    return f"{sentence}: {named}" if named else sentence
