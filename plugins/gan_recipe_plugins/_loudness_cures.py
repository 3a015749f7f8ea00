"""Cures by how loud a player's losses are beside each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_recipe_plugins._recipe_lines import Lines

if TYPE_CHECKING:
    from gan_recipe import Case, Meeting

# For a loss that led: with as much as all others together, one that pulls towards the mean of what is real still left
# clusters empty (docs/doctor.md).
HALF_AS_LOUD = 0.5


def balanced(case: Case, player: str, loss: str, share: float, of_others: float = 1.0) -> Lines:
    """The weight with which a loss has ``of_others`` times the norm of all others together; norms go with weights."""
    weight = case.recipe.players[player].losses[loss].weight
    if not isinstance(weight, float) or share >= 1:
        return ()
    return (f"[players.{player}]", f"losses.{loss}.weight = {of_others * weight * (1 - share) / share:.3g}")


def balanced_by_pull(case: Case, player: str, meeting: Meeting, leader: str) -> tuple[Lines, ...]:
    """The player's losses held as loud as their weights say, the leader's being half of the others' sum, where they
    meet in a value and none is lazy or has a ramp."""
    spec = case.recipe.players[player]
    others = [name for name in meeting.losses if name != leader and spec.losses[name].every == 1]
    if spec.balance is not None or meeting.value is None or not others or spec.losses[leader].every != 1:
        return ()
    weights = [weight for name in others if isinstance(weight := spec.losses[name].weight, float)]
    if len(weights) < len(others):
        return ()
    named = ", ".join(f'"{name}"' for name in others)
    balance = f'balance = {{ at = "{case.text(meeting.value)}", reference = "{leader}", losses = [{named}] }}'
    return ((f"[players.{player}]", f"losses.{leader}.weight = {HALF_AS_LOUD * sum(weights):g}", balance),)
