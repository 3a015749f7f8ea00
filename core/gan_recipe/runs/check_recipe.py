"""Recipes checked where runs are: what their networks start from is looked for there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gan_recipe.components.registry import Registry
from gan_recipe.language.check import check_file
from gan_recipe.language.find import find
from gan_recipe.language.findings import refuse
from gan_recipe.language.override import read
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.settable import settings_of
from gan_recipe.language.start import Starts
from gan_recipe.runs.warm_start import existing

if TYPE_CHECKING:
    from gan_recipe.runs.run_folder import RunFolder


def check(
    stated: str,
    overrides: Iterable[str] = (),
    registry: Registry | None = None,
    *,
    overlays: Iterable[str] = (),
    starts: Starts | None = existing,
) -> Recipe:
    """Load and check a recipe, overlays and then overrides laid over it. Raises RecipeError with everything wrong.

    That includes findings that can never be meant; ``find.find`` has the others. ``starts`` is what
    ``check_file`` asks for the weights of networks that start from others'; by default they have to be there.
    """
    registry = registry or Registry.installed()
    file, problems = read(stated, overrides, overlays, settings_of(registry))
    recipe = check_file(file, registry, starts=starts, problems=problems)
    refuse(find(recipe))
    return recipe


def check_run(run: RunFolder, registry: Registry, *, starts: Starts | None = existing) -> Recipe:
    """Check a run's recipe as it is in force: with the changes that were made when the run went back.

    Raises as ``check`` does.
    """
    # A recipe of no run is checked far more often, and has gone back nowhere.
    from gan_recipe.runs.recoveries import in_force

    recipe = check_file(in_force(run), registry, starts=starts)
    refuse(find(recipe))
    return recipe
