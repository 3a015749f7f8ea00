"""The plan of a round: what is computed when, with whose gradients, and what is reused.

A value is computed once and kept until a network that it depends on has moved. Of all moves that read one such state of
a value only the last can train networks below it (training them is what ends the state), so the value is computed with
gradients for that move alone, and every earlier reader is handed it cut off. That one rule gives the reuse of the
generator's forward, the frozen critic in the generator's move, and the missing ``detach``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from attrs import evolve, frozen

from gan_recipe.components.failure import blame
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.recipe import LossSpec, PlayerSpec, Recipe
from gan_recipe.ramp import weight_at


@frozen
class Compute:
    """One network is called."""

    node: Node
    network: str
    arguments: tuple[Node, ...]
    #: The index of the move whose gradients flow through the result; None for no gradients at all.
    gradients_for: int | None
    #: For each argument, whether it is cut off from the graph that made it.
    cut: tuple[bool, ...]
    #: The argument of a call by itself, where there is one and it is not cut off, as most have it; for the loop.
    only: Node | None
    #: Where several calls are made as one, on their batches concatenated: all of them, this one first.
    concatenated: tuple[Compute, ...] = ()


@frozen
class Read:
    """What a loss is handed for one of its parameters."""

    node: Node
    #: Whether it is cut off from the graph that made it.
    cut: bool


@frozen
class Term:
    """A loss that is due."""

    loss: LossSpec
    reads: Mapping[str, Read]
    #: ``reads`` as pairs, for the loop.
    nodes: tuple[tuple[str, Node], ...]
    #: The parameters whose value is cut off.
    cut: tuple[str, ...]
    #: Values that functions read besides their hole, by id of the node.
    function_reads: tuple[Read, ...]
    #: Whether nothing is cut off and the loss takes no function; for the loop.
    as_it_is: bool


@frozen
class Stretch:
    """Calls in a row that share their gradients."""

    #: The index of the move whose gradients flow through the results; None for no gradients at all.
    gradients_for: int | None
    #: One for each call that is made: of those that are made as one, the first.
    steps: tuple[Compute, ...]
    #: The networks that are called, and whether that mover trains them; empty where there are no gradients.
    networks: tuple[tuple[str, bool], ...]


@frozen
class Move:
    """One player's move."""

    player: PlayerSpec
    computes: tuple[Compute, ...]
    #: ``computes`` in the stretches that they are carried out in.
    stretches: tuple[Stretch, ...]
    terms: tuple[Term, ...]
    #: What each term counts; None for a player with a ramp, where each round decides that.
    weights: tuple[float, ...] | None
    #: Networks whose parameters the functions of this move are differentiated through, and whether they are trained.
    function_networks: Mapping[str, bool]
    #: What nobody reads after this move.
    frees: tuple[Node, ...]
    #: What an earlier move of the round had computed already.
    reused: tuple[Node, ...]


@frozen
class RoundPlan:
    moves: tuple[Move, ...]


def due_losses(player: PlayerSpec, round: int, moved: int) -> tuple[str, ...]:
    """The losses that count in this move; ``moved`` is how often the player has moved before."""
    if not player.ramped and all(map(moved.__mod__, player.lazy)):
        return player.usual
    due = []
    for loss in player.losses.values():
        weight = loss.weight if type(loss.weight) is float else weight_at(loss.weight, round)
        if moved % loss.every == 0 and weight != 0:
            due.append(loss.name)
    return tuple(due)


def movers(
    recipe: Recipe, round: int, moved: Mapping[str, int], stated: Sequence[str] | None = None
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Who moves in the round, with which losses. A player none of whose losses is due sits it out.

    ``stated`` is whom a schedule that steers has named; others are asked. Raises ComponentError for one that fails.
    """
    found = []
    try:
        named = list(recipe.schedule.moves(round, tuple(recipe.players)) if stated is None else stated)
    except Exception as error:  # a stranger's schedule may raise anything
        blame(error, "schedule")
    for name in named:
        if name not in recipe.players:
            continue  # the schedule names it, and all of its losses are dropped
        if due := due_losses(recipe.players[name], round, moved[name]):
            found.append((name, due))
    return tuple(found)


def plan_from_start(recipe: Recipe, round: int) -> RoundPlan:
    """The plan of ``round`` in a run that began at round 0."""
    moved = dict.fromkeys(recipe.players, 0)
    for earlier in range(round):
        for name, _ in movers(recipe, earlier, moved):
            moved[name] += 1
    return plan_round(recipe, movers(recipe, round, moved))


def plan_round(recipe: Recipe, movers: Sequence[tuple[str, Sequence[str]]]) -> RoundPlan:
    """Plan a round in which these players move, in order, each with the losses that are due."""
    players = [recipe.players[name] for name, _ in movers]
    losses = [[player.losses[name] for name in due] for player, (_, due) in zip(players, movers, strict=True)]
    wanted = [_read_by(terms) for terms in losses]

    # The state of a value in move k is named by the last earlier move that trained a network below it.
    def state(node: Node, move: int) -> int:
        if not recipe.run.reuse:
            return move
        return max((j for j in range(move) if node.networks & set(players[j].trains)), default=-1)

    last_reader: dict[tuple[Node, int], int] = {}
    for k, roots in enumerate(wanted):
        for node in below(roots):
            last_reader[node, state(node, k)] = k

    def gradients_for(node: Node, move: int) -> int | None:
        reader = last_reader[node, state(node, move)]
        return reader if node.networks & set(players[reader].trains) else None

    computed: set[tuple[Node, int]] = set()
    moves = []
    for k, player in enumerate(players):
        here = {node: state(node, k) for node in below(wanted[k])}
        missing = _missing(wanted[k], {node for node in here if (node, here[node]) in computed})
        computes = []
        alike: dict[Node, Hashable] = {}
        for node in missing:
            owner = gradients_for(node, k)
            through = [gradients_for(argument, k) for argument in node.arguments or ()]
            cut = tuple(each is not None and each != owner for each in through)
            only = node.arguments[0] if node.arguments and cut == (False,) else None
            computes.append(Compute(node, node.name, node.arguments or (), owner, cut, only))
            computed.add((node, here[node]))
            if recipe.networks[node.name].concat:
                differentiated = (owner is not None and each == owner for each in through)
                alike[node] = (node.name, owner, *differentiated)
        calls = _calls(computes, alike)
        computes = [step for call in calls for step in call.concatenated or (call,)]
        read_here = {*wanted[k], *(argument for node in missing for argument in node.arguments or ())}
        reused = tuple(node for node in here if node.arguments and node in read_here and node not in set(missing))

        def read(node: Node, k: int = k) -> Read:
            through = gradients_for(node, k)
            return Read(node, through is not None and through != k)

        def term(loss: LossSpec, read: Callable[[Node], Read] = read) -> Term:
            reads = {name: read(node) for name, node in loss.reads.items()}
            cut = tuple(name for name, each in reads.items() if each.cut)
            return Term(
                loss,
                reads,
                nodes=tuple(loss.reads.items()),
                cut=cut,
                function_reads=tuple(map(read, _closed_inputs(loss.functions.values()))),
                as_it_is=not cut and not loss.functions,
            )

        open_nodes = below([node for loss in losses[k] for node in loss.functions.values()])
        called = {node.name: node.name in player.trains for node in open_nodes if node.open and node.arguments}
        frees = tuple(node for node in (*missing, *reused) if last_reader[node, here[node]] == k)
        grouped = groupby(calls, attrgetter("gradients_for"))
        stretches = tuple(_stretch(owner, tuple(steps), players) for owner, steps in grouped)
        terms = tuple(map(term, losses[k]))
        weights = None if player.ramped else tuple(loss.counts(0) for loss in losses[k])
        moves.append(Move(player, tuple(computes), stretches, terms, weights, called, frees, reused))
    return RoundPlan(tuple(moves))


def _calls(steps: Sequence[Compute], alike: Mapping[Node, Hashable]) -> list[Compute]:
    """The calls that are made for ``steps``, each after those whose results it reads.

    Those that are due at once and have an equal in ``alike`` are made as one: calls of a network that concatenates
    which share their gradients and ask alike for those of their arguments, so that no sample is differentiated that
    would not have been by itself. Calls that still lack an argument are waited for as long as there is other work.
    """
    if len(alike) < 2:
        return list(steps)
    pending = {step.node: step for step in steps}
    calls: list[Compute] = []
    while pending:
        due = [step for step in pending.values() if not any(argument in pending for argument in step.arguments)]
        waited_for = {alike.get(step.node) for step in pending.values() if step not in due}
        first = next((step for step in due if alike.get(step.node, step) not in waited_for), due[0])
        together = [step for step in due if step is first or alike.get(step.node, step) == alike.get(first.node)]
        for step in together:
            del pending[step.node]
        calls.append(evolve(first, concatenated=tuple(together), only=None) if len(together) > 1 else first)
    return calls


def _stretch(owner: int | None, steps: tuple[Compute, ...], players: Sequence[PlayerSpec]) -> Stretch:
    trained = () if owner is None else players[owner].trains
    called = () if owner is None else dict.fromkeys(step.node.name for step in steps)
    return Stretch(owner, steps, tuple((name, name in trained) for name in called))


def _read_by(losses: Sequence[LossSpec]) -> list[Node]:
    """The values that the losses read, each once, those inside functions included."""
    nodes: dict[Node, None] = {}
    for loss in losses:
        nodes.update(dict.fromkeys(loss.reads.values()))
        nodes.update(dict.fromkeys(_closed_inputs(loss.functions.values())))
    return list(nodes)


def _closed_inputs(functions: Iterable[Node]) -> list[Node]:
    """The values that compositions read besides their hole."""
    found: dict[Node, None] = {}
    pending = list(functions)
    while pending:
        node = pending.pop()
        for argument in node.arguments or ():
            if argument.open:
                pending.append(argument)
            else:
                found[argument] = None
    return list(found)


def _missing(roots: Sequence[Node], have: Collection[Node]) -> list[Node]:
    """The calls to be made for ``roots``, inputs first, not going below what is there already."""
    found: dict[Node, None] = {}
    pending = [(node, False) for node in reversed(roots)]
    while pending:
        node, entered = pending.pop()
        if node in found or node in have or not node.arguments:
            continue
        if entered:
            found[node] = None
        else:
            pending.append((node, True))
            pending.extend((argument, False) for argument in reversed(node.arguments))
    return list(found)
