"""What a run would find and tell before its first round, without a run."""

from __future__ import annotations

from collections.abc import Sequence

from gan_recipe.engine.checkpoint_size import checkpoint_size
from gan_recipe.engine.hardware import chosen_device, use_available_cores
from gan_recipe.engine.sheet import sheet_size
from gan_recipe.engine.training import Training
from gan_recipe.engine.waiting_for_data import Say
from gan_recipe.language.findings import RecipeFinding
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.changed_weights import ramped
from gan_recipe.runs.known_sizes import Sizes, remember_sizes


def rehearsal(recipe: Recipe, say: Say, device: str = "auto") -> tuple[Sequence[RecipeFinding], Sizes]:
    """Build and rehearse ``recipe``: what will not work, and its sizes, which are remembered.

    ``say`` is told where data is waited for. Raises RecipeError, and RunError for data that hangs.
    """
    use_available_cores()
    recipe, _ = ramped(recipe)
    training = Training(recipe, chosen_device(device), say=say)
    sizes = Sizes(checkpoint_size(training), first_sheet(training))
    remember_sizes(recipe, sizes)
    return training.findings, sizes


def first_sheet(training: Training) -> int:
    """The bytes of the first sheet that a run would draw; 0 where it draws none."""
    recipe = training.recipe
    return sheet_size(training.sheet(recipe.sheet.rows)) if recipe.columns else 0
