"""Who plays against whom, and where a player's losses meet: read from the recipe's graph, wired by nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from attrs import frozen

from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.expression import HOLE
from gan_recipe.language.recipe import LossSpec, PlayerSpec, Recipe


@frozen
class Contest:
    """A critic's adversarial loss, and whoever makes what it calls fake."""

    #: The player that tells real from fake, and its loss.
    critic: str
    loss: str
    #: The scores that the loss reads.
    real_score: Node
    fake_score: Node
    #: The sample that the generator makes, and its real counterpart, before anything changes or joins them for the
    #: critic's eyes alone.
    made: Node | None
    real: Node | None
    #: The same two as the critic sees them.
    made_seen: Node | None
    real_seen: Node | None
    #: The player that makes it, and its adversarial loss on such a score; None where nobody trains on it.
    generator: str | None
    generator_loss: str | None


@frozen
class Meeting:
    """Where several losses of one player act on one thing, so that their pulls can be compared."""

    #: The value at which they meet; None when they share no value, only a network's weights.
    value: Node | None
    #: The network whose last weights they share, where ``value`` is None.
    network: str | None
    losses: tuple[str, ...]

    @property
    def label(self) -> str:
        """What to call it: the value's name, or the network's."""
        return self.value.label if self.value is not None else str(self.network)


def contests(recipe: Recipe) -> tuple[Contest, ...]:
    """Every contest of the recipe, in its order."""
    return tuple(_contests(recipe))


def _contests(recipe: Recipe) -> Iterator[Contest]:
    for critic in recipe.players.values():
        for loss in critic.losses.values():
            real, fake = loss.reads.get("real"), loss.reads.get("fake")
            if loss.component.adversarial != "critic" or real is None or fake is None:
                continue
            generator, generator_loss = _opponent(recipe, critic, fake)
            ours = set(critic.trains)
            theirs = set(recipe.players[generator].trains) if generator else set(recipe.networks) - ours
            given = _given_to(fake, ours)
            made = next((node for node in given if node.networks & theirs), None)
            others = [node for node in _given_to(real, ours) if node not in given and node is not made]
            truth = next((node for node in others if not node.networks & theirs), others[0] if others else None)
            samples = (made, truth) if made is None or truth is None else _samples(recipe, made, truth, theirs)
            yield Contest(critic.name, loss.name, real, fake, *samples, made, truth, generator, generator_loss)


def _opponent(recipe: Recipe, critic: PlayerSpec, fake: Node) -> tuple[str | None, str | None]:
    """The player whose adversarial loss reads the same score, or one that differs from it in what acts in training
    alone; else a player that trains a network below it."""
    others = [player for player in recipe.players.values() if player is not critic]
    scores = {
        (player.name, loss.name): loss.reads["fake"]
        for player in others
        for loss in player.losses.values()
        if loss.component.adversarial == "generator" and "fake" in loss.reads
    }
    for by, score in scores.items():
        if score is fake:
            return by
    in_eval = _in_eval(recipe, [fake, *scores.values()])
    for by, score in scores.items():
        if in_eval[score] == in_eval[fake]:
            return by
    return next((player.name for player in reversed(others) if fake.networks & set(player.trains)), None), None


def _in_eval(recipe: Recipe, nodes: Collection[Node]) -> Mapping[Node, int]:
    """A number for each node and all below, equal for those that are the same in eval mode."""
    numbers: dict[Node, int] = {}
    known: dict[tuple[str, tuple[int, ...] | None], int] = {}
    for node in below(nodes):
        if (untouched := handed_on(recipe, node)) is not node:
            numbers[node] = numbers[untouched]
            continue
        key = (node.name, None if node.arguments is None else tuple(numbers[each] for each in node.arguments))
        numbers[node] = known.setdefault(key, len(known))
    return numbers


def handed_on(recipe: Recipe, node: Node) -> Node:
    """The value that ``node`` is in eval mode, where what acts in training alone hands on what it is given."""
    while (
        node.arguments is not None
        and len(node.arguments) == 1
        and recipe.networks[node.name].component.only_in_training
    ):
        node = node.arguments[0]
    return node


def _samples(recipe: Recipe, made: Node, real: Node, theirs: set[str]) -> tuple[Node, Node]:
    """What is made and what is real, before what the critic alone sees of them: a network that acts in training alone,
    on either side, and one that nobody trains and both pass, which changes them alike (a pack, a pair, features)."""
    trained = {name for player in recipe.players.values() for name in player.trains}
    while True:
        made, real = handed_on(recipe, made), handed_on(recipe, real)
        mine, its = made.arguments or (), real.arguments or ()
        places = [place for place, argument in enumerate(mine) if argument.networks & theirs]
        if made.name != real.name or made.name in trained or len(mine) != len(its) or len(places) != 1:
            return made, real
        made, real = mine[places[0]], its[places[0]]


def _given_to(score: Node, networks: set[str]) -> list[Node]:
    """What a critic's composition is given: the nearest nodes below ``score`` without any of its networks."""
    found: dict[Node, None] = {}
    pending = [score]
    while pending:
        node = pending.pop(0)
        if not node.networks & networks:
            found[node] = None
        else:
            pending.extend(node.arguments or ())
    return list(found)


def meetings(recipe: Recipe, player: PlayerSpec) -> tuple[Meeting, ...]:
    """Where the player's losses meet: at each sample that it makes, then at the last thing that all of them share."""
    trains = set(player.trains)
    reached = {name: _reached(loss, trains) for name, loss in player.losses.items()}
    found = []
    for contest in contests(recipe):
        if contest.generator == player.name and contest.made is not None:
            passing = tuple(name for name, nodes in reached.items() if contest.made in nodes)
            if len(passing) > 1:
                found.append(Meeting(contest.made, None, passing))
    everyone = tuple(reached)
    if len(everyone) < 2 or any(meeting.losses == everyone for meeting in found):
        return tuple(found)
    shared = set.intersection(*map(set, reached.values()))
    if shared:
        found.append(Meeting(max(shared, key=lambda node: node.depth), None, everyone))
    else:
        depths = [_network_depths(loss, trains) for loss in player.losses.values()]
        common = set.intersection(*map(set, depths))
        if common:
            last = max(common, key=lambda name: min(depth[name] for depth in depths))
            found.append(Meeting(None, last, everyone))
    return tuple(found)


def _reads(loss: LossSpec) -> list[Node]:
    return [*loss.reads.values(), *loss.functions.values()]


def _reached(loss: LossSpec, trains: set[str]) -> dict[Node, None]:
    """The values through which the loss's gradient reaches the networks in ``trains``."""
    return {node: None for node in below(_reads(loss)) if node.networks & trains and not node.open}


def _network_depths(loss: LossSpec, trains: set[str]) -> Mapping[str, int]:
    """How high above the batch each trained network is last called by the loss."""
    depths: dict[str, int] = {}
    for node in below(_reads(loss)):
        if node.arguments is not None and node.name in trains:
            depths[node.name] = max(depths.get(node.name, 0), node.depth)
    return depths


def target_of(recipe: Recipe, contest: Contest) -> Node | None:
    """What a loss of the generator compares the made sample with, element by element; None where none does."""
    for loss in recipe.players[contest.generator].losses.values() if contest.generator else ():
        reads = [handed_on(recipe, node) for node in loss.reads.values()]
        if contest.made in reads[:2] and len(reads) > 1:
            other = reads[1] if reads[0] is contest.made else reads[0]
            if other.arguments is None and len(recipe.fields[other.name].shape) in (1, 3):
                return other
    return None


def label_fields(recipe: Recipe, node: Node) -> Mapping[str, int | None]:
    """The fields of the batch that a value reads, and their classes where they are labels."""
    return {leaf.name: recipe.fields[leaf.name].classes for leaf in below([node]) if leaf.name in recipe.fields}


def written(node: Node, hole: Node | None = None) -> str:
    """The expression that a recipe would state for ``node``, with ``_`` in the place of ``hole``."""
    if node is hole:
        return HOLE
    if node.arguments is None or hole is None or hole not in list(below([node])):
        return node.label
    return f"{node.name}({', '.join(written(argument, hole) for argument in node.arguments)})"
