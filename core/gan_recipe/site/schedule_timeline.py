"""A schedule as a timeline: who moves in the first rounds."""

from __future__ import annotations

from collections.abc import Sequence

from gan_recipe.components.documentation import settings
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.interfaces import Component, Schedule
from gan_recipe.runs.check_recipe import check
from gan_recipe.site.component_pages import Picture
from gan_recipe.site.svg import timeline
from gan_recipe.site.uses import shipped_uses

_ROUNDS = 24


def schedule_timeline(name: str, cls: type[Component], registry: Registry) -> Picture | None:
    """The schedule as the first shipped recipe has it that can be checked here, else with its default settings."""
    if not issubclass(cls, Schedule):
        return None
    for recipe in shipped_uses().get(name, ()):
        try:
            checked = check(recipe, (), registry, starts=None)
        except RecipeError:
            continue  # it needs what is not here, such as a folder of photographs
        if checked.schedule_use == name:
            return _picture(checked.schedule, list(checked.players), f"as in the recipe {recipe}")
    if any(each.default is None for each in settings(cls)):
        return None
    return _picture(cls(), ["critic", "generator"], "with its default settings")


def _picture(schedule: Schedule, players: Sequence[str], which: str) -> Picture:
    moving = [set(schedule.moves(round, players)) for round in range(_ROUNDS)]
    caption = f"Who moves in the first {_ROUNDS} rounds, {which}."
    return Picture(timeline([(name, [name in each for each in moving]) for name in players], caption), caption)
