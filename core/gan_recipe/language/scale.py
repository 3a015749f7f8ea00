"""A recipe shortened in time: ``run.scale``."""

from __future__ import annotations

from gan_recipe.interfaces import Rounds


def scaled(rounds: int, scale: float) -> Rounds:
    """So many rounds of a recipe, as rounds of a run that is shortened by ``scale``; none but 0 becomes 0."""
    return Rounds(max(1, round(rounds * scale)) if rounds > 0 else rounds)
