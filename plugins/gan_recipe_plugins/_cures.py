"""Recipe lines that treat a failure, written for the recipe that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_recipe import Case, Contest


def slope_penalty(case: Case, contest: Contest) -> tuple[str, ...]:
    """R1 on the contest's critic: a new one, or ten times the one there is."""
    critic = case.recipe.players[contest.critic]
    for loss in critic.losses.values():
        if loss.use == "r1":
            weight = loss.weight if isinstance(loss.weight, float) else loss.weight.to
            return (f"[players.{critic.name}]", f"losses.{loss.name}.weight = {10 * weight:g}")
    function = case.function(contest)
    if function is None or contest.real is None:
        return ()
    real = case.text(contest.real)
    return (
        f"[players.{critic.name}]",
        f'losses.r1 = {{ use = "r1", critic = "{function}", real = "{real}", weight = 1.0, every = 4 }}',
    )
