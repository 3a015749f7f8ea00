"""Everybody moves in every round."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from gan_recipe import Schedule


@frozen
class Together(Schedule):
    """Every player moves in every round, in the recipe's order."""

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        return players
