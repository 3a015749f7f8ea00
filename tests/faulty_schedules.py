"""Schedules each of which breaks one promise of the conformance kit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import frozen

from gan_recipe import Schedule, SteeredSchedule

_count = itertools.count()
_heard = itertools.count()


@frozen
class Unfair(Schedule):
    """Only the first player ever moves."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players[:1]


@frozen
class Steered(SteeredSchedule):
    """Everybody moves, and the last figure is remembered."""

    def __call__(self, real):  # type: ignore[no-untyped-def]
        return real.mean()

    def begin(self) -> Mapping[str, Any]:
        return {"last": 0.0}

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": figure}

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players


@frozen
class Starving(Steered):
    """Once it has heard something low, nobody but the first ever moves."""

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players[:1] if memory["last"] < -1 else players


@frozen
class Forgetful(Steered):
    """Remembers how often any of its kind was asked."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": float(next(_heard))}


@frozen
class Listing(Steered):
    """Remembers a list."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"last": [figure]}

    def moves_after(self, memory: Mapping[str, Any], round: int, players: Sequence[str]) -> Sequence[str]:
        return players


@frozen
class Renaming(Steered):
    """Remembers something else after the first figure."""

    def heard(self, memory: Mapping[str, Any], figure: float) -> Mapping[str, Any]:
        return {"newest": figure}


@frozen
class Counting(Schedule):
    """Players take turns by a counter that every question moves on."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return [players[next(_count) % len(players)]]


@frozen
class Inventing(Schedule):
    """Somebody moves who is no player."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return [*players, "nobody"]


@frozen
class Misnaming(Schedule):
    """All players move, and a setting mentions another."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players

    def names(self) -> list[str]:
        return ["critik"]
