"""The table ``[recovery]``: what it may say, and whether the recipe that it makes is sound."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf

from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import RecipeError
from gan_recipe.language.check_doctor import check_names
from gan_recipe.language.recipe import DoctorSpec, Recipe
from gan_recipe.language.recipe_file import RecipeFile
from gan_recipe.language.recipe_settings import RecoverySettings
from gan_recipe.language.recovery_changes import changed
from gan_recipe.language.structure import structure
from gan_recipe.language.tables import Tables

#: The one verdict that is no component: what makes no number is looked for when a run fails.
NON_FINITE = "non_finite"


def read_recovery(tables: Tables, doctor: DoctorSpec) -> RecoverySettings | None:
    """The settings; None where the recipe has none, or they are wrong, which is reported."""
    key = ("recovery",)
    if not tables.states(key):
        return None
    recovery = structure(RecoverySettings, tables.table(key), key, tables.around)
    if recovery is None:
        return None
    if not recovery.on:
        tables.report((*key, "on"), 'no verdict is named; state those at which the run goes back, such as ["diverged"]')
    if not doctor.settings.enabled:
        tables.report(key, "the doctor is off (doctor.enabled = false), so that no verdict is told")
    else:
        check_names(tables, (*key, "on"), recovery.on, [*doctor.verdicts, NON_FINITE])
    for name, factor in recovery.multiply.items():
        if not 0 < factor < inf:
            tables.report((*key, "multiply", name), f"expected a factor above 0, such as 0.5, not {shortened(factor)}")
    if not (recovery.multiply or recovery.change or recovery.new_order):
        what = (
            "nothing is changed, and the same rounds would end in the same way. State multiply = "
            '{ "players.*.optimizer.lr" = 0.5 }, a change, or new_order = true'
        )
        tables.report(key, what)
    problems = changed(tables.file, recovery, tables.registry)[2] if tables.is_sound((*key, "multiply")) else []
    tables.problems.extend(problems)
    return recovery if tables.is_sound(key) and not problems else None


def check_changed(recipe: Recipe, tables: Tables, checked: Callable[[RecipeFile], Recipe]) -> None:
    """Whether the recipe is sound after the run has gone back once, and as often as it may. Raises RecipeError."""
    recovery = recipe.recovery
    assert recovery is not None
    file = tables.file
    for number in range(1, recovery.times + 1):
        file, _, _ = changed(file, recovery, tables.registry)
        if number not in (1, recovery.times):
            continue
        alone = RecipeFile(file.name, file.shown, _without_recovery(file.tables), file.origins)
        try:
            after = checked(alone)
        except RecipeError as error:
            for problem in error.problems:
                times = f" after going back {number} times" if number > 1 else " after going back"
                tables.report(("recovery",), f"{problem.key}{times}: {problem.what}")
            break
        if {name: player.trains for name, player in after.players.items()} != {
            name: player.trains for name, player in recipe.players.items()
        }:
            tables.report(("recovery",), "after going back a player would have no loss left, and would train no more")
            break
    if tables.problems:
        raise RecipeError(tables.problems)


def _without_recovery(tables: Mapping[str, object]) -> dict[str, object]:
    return {name: table for name, table in tables.items() if name != "recovery"}
