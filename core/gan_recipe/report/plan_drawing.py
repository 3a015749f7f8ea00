"""What the rounds of a run compute, as drawings: one for each kind of round."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe.errors import UserError
from gan_recipe.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from gan_recipe.language.recipe import Recipe

# Kinds of round repeat; those of a run's first rounds tell what there is, and no page needs more than a few.
_ROUNDS = 2_000
_MOST_KINDS = 4
_LARGEST = 200_000


@frozen
class PlanDrawing:
    """A kind of round."""

    #: Who moves, and how often a round is of this kind.
    caption: str
    #: An ``<svg>`` element in which everything is escaped.
    svg: str


def drawn_plans(run: RunFolder) -> list[PlanDrawing]:
    """The kinds of round that the run has, the commonest first. Raises UserError when its recipe cannot be read."""
    from gan_recipe.components.registry import Registry
    from gan_recipe.language.plan import plan_round
    from gan_recipe.language.plan_svg import svg
    from gan_recipe.runs.check_recipe import check_run

    recipe = check_run(run, Registry.installed(), starts=None)
    counted = min(recipe.run.rounds, _ROUNDS)
    kinds = _kinds(recipe, counted)
    of = f"the first {counted:,} rounds" if counted < recipe.run.rounds else f"{counted:,} rounds"
    found = []
    for movers, times in kinds.most_common(_MOST_KINDS):
        drawn = svg(plan_round(recipe, movers))
        if len(drawn) > _LARGEST:
            raise UserError("it is too large for a page; `gan-recipe graph` draws it by itself")
        who = "; then ".join(f"{name} ({', '.join(due)})" for name, due in movers) or "nobody"
        found.append(PlanDrawing(f"{times:,} of {of}: {who}", drawn))
    return found


def _kinds(recipe: Recipe, rounds: int) -> Counter[tuple[tuple[str, tuple[str, ...]], ...]]:
    from gan_recipe.language.plan import movers

    moved = dict.fromkeys(recipe.players, 0)
    kinds: Counter[tuple[tuple[str, tuple[str, ...]], ...]] = Counter()
    for round in range(rounds):
        moving = movers(recipe, round, moved)
        kinds[moving] += 1
        for name, _ in moving:
            moved[name] += 1
    return kinds
