"""Networks that nobody calls, losses that reach nothing, and what goes when a loss is dropped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from gan_recipe.language.dataflow import Node
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import LossSpec, MetricSpec, NetworkSpec, PlayerSpec
from gan_recipe.ramp import is_ever_nonzero


@frozen
class Parts:
    """The sound parts of a recipe that call networks, or are called."""

    networks: Mapping[str, NetworkSpec]
    players: Mapping[str, PlayerSpec]
    values: Mapping[str, Node]
    metrics: Mapping[str, MetricSpec]
    columns: tuple[Node, ...]


def check_calls(reading: Reading, parts: Parts) -> None:
    """Report what is stated and can never matter.

    A loss of weight 0 is dropped, and what it alone calls goes with it; a player all of whose losses are dropped stands
    still, and its networks are frozen. That is no mistake. What calls which network
    is not known of a part that is wrong itself: whatever it mentions is taken to be called.
    """
    tables = reading.tables
    if not tables.table(("players",)):
        return  # that is the problem, and not every network
    alive = _looked_at(parts)
    if not reading.is_bound(("sheet",)):
        alive |= reading.mentioned(tables.table(("sheet",)))
    for name, table in tables.entries(("metrics",)).items():
        if not reading.is_bound(("metrics", name)):
            alive |= reading.mentioned(table)
    dropped: set[str] = set()
    for name in tables.entries(("players",)):
        for each, table in tables.entries(("players", name, "losses")).items():
            loss = parts.players[name].losses.get(each) if name in parts.players else None
            if loss is None or not reading.is_bound(loss.key):
                alive |= reading.mentioned(table)
            elif is_ever_nonzero(loss.weight):
                alive |= _networks_of([loss])
            else:
                dropped |= _networks_of([loss])
    for name in tables.entries(("networks",)):
        if name not in alive | dropped:
            tables.report(("networks", name), "nobody calls this network: no loss, metric or sheet depends on it")
    standing = [player for player in parts.players.values() if player.losses and not _live(player)]
    if standing and len(standing) == len(tables.entries(("players",))):
        tables.report((*standing[0].key, "losses"), "every loss of every player has weight 0: nobody would ever move")
        return
    for player in parts.players.values():
        if tables.is_sound((*player.key, "trains")) and reading.is_bound((*player.key, "losses")):
            _check_player(reading, player, alive)


def without_dropped(parts: Parts) -> Parts:
    """The parts without the losses of weight 0, the networks that only those call, and players that have no other."""
    kept = _looked_at(parts).union(*(_networks_of(_live(player)) for player in parts.players.values()))
    players = {
        name: evolve(
            player,
            trains=tuple(network for network in player.trains if network in kept),
            losses={loss.name: loss for loss in _live(player)},
            constraints={
                each: evolve(constraint, on=on)
                for each, constraint in player.constraints.items()
                if (on := tuple(network for network in constraint.on if network in kept))
            },
        )
        for name, player in parts.players.items()
        if _live(player)
    }
    return evolve(
        parts,
        networks={name: network for name, network in parts.networks.items() if name in kept},
        players=players,
        values={name: node for name, node in parts.values.items() if node.networks <= kept},
    )


def _check_player(reading: Reading, player: PlayerSpec, alive: set[str]) -> None:
    report = reading.tables.report
    live = _live(player)
    if not player.losses or not player.trains:
        return  # that is reported already
    if not live:
        return  # it stands still: its networks are frozen
    if idle := [loss for loss in live if not _networks_of([loss]) & set(player.trains)]:
        trained = ", ".join(player.trains)
        for loss in idle:
            report(loss.key, f"nothing here depends on a network that {player.name!r} trains ({trained})")
    else:
        reached = _networks_of(live)
        for name in player.trains:
            if name in alive and name not in reached:
                what = f"no loss of {player.name!r} reaches the network {name!r}: it would never change"
                report((*player.key, "trains"), what)


def _live(player: PlayerSpec) -> list[LossSpec]:
    return [loss for loss in player.losses.values() if is_ever_nonzero(loss.weight)]


def _looked_at(parts: Parts) -> set[str]:
    """What metrics and sheets call."""
    nodes = list(parts.columns)
    for metric in parts.metrics.values():
        nodes += [*metric.reads.values(), *metric.examples.values(), *(metric.baseline or {}).values()]
    return _below(nodes)


def _networks_of(losses: Iterable[LossSpec]) -> set[str]:
    return _below(node for loss in losses for node in (*loss.reads.values(), *loss.functions.values()))


def _below(nodes: Iterable[Node]) -> set[str]:
    return set().union(*(node.networks for node in nodes))
