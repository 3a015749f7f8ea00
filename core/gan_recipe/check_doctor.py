"""The tables ``[doctor]`` and ``[recovery]``: what is measured beside the training, and what is made of it."""

from __future__ import annotations

from typing import Any, TypeVar

from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Component, Signal, Verdict
from gan_recipe.recipe import DoctorSettings, DoctorSpec
from gan_recipe.registry import BARE, LookupProblem
from gan_recipe.settings import structure
from gan_recipe.tables import Tables

# Names alone: the built-ins come through the same door as anybody's, and a recipe may name others beside them.
SIGNALS = (
    "critic_scores",
    "outputs",
    "contributions",
    "weights",
    "spectra",
    "held_out_scores",
    "label_faithfulness",
)
VERDICTS = (
    "critic_too_strong",
    "critic_too_weak",
    "mode_collapse",
    "sudden_collapse",
    "saturated_generator",
    "one_loss_leads",
    "diverged",
    "overfitting",
    "factor_lost",
    "phase_mismatch_after_load",
)

_C = TypeVar("_C", bound=Component)


def read_doctor(tables: Tables) -> DoctorSpec:
    """The doctor's settings, its signals and its verdicts: the built-in ones, and what the recipe states."""
    key = ("doctor",)
    table = tables.table(key)
    settings = structure(DoctorSettings, table, key, tables.around, reserved=("signals", "verdicts"))
    settings = settings or DoctorSettings()
    known = [*SIGNALS, *VERDICTS, *tables.table((*key, "signals")), *tables.table((*key, "verdicts"))]
    for name in settings.off:
        if name not in known:
            tables.report((*key, "off"), f"there is no signal or verdict {name!r}.{did_you_mean(name, known)}")
    if not settings.enabled:
        return DoctorSpec(settings, {}, {})
    return DoctorSpec(
        settings,
        _chosen(tables, "signals", SIGNALS, Signal, settings.off),
        _chosen(tables, "verdicts", VERDICTS, Verdict, settings.off),
    )


def _chosen(tables: Tables, part: str, usual: tuple[str, ...], cls: type[_C], off: tuple[str, ...]) -> dict[str, _C]:
    key = ("doctor", part)
    found: dict[str, _C] = {}
    stated: dict[str, dict[str, Any]] = tables.entries(key)
    for name in usual:
        if name not in stated and name not in off and BARE in tables.registry.plugins:
            try:
                component: Any = tables.registry.component(name, cls.kind)
            except LookupProblem as problem:
                tables.report(key, str(problem))
            else:
                found[name] = component()
    for name, table in stated.items():
        # A usual one is known by its name; saying ``use`` again would only be in the way of its settings.
        table = {"use": name, **table} if name in usual else table
        made = tables.component(table, (*key, name), cls)
        if made is not None and name not in off:
            found[name] = made
    return found
