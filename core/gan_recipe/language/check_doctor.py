"""The table ``[doctor]``: what is measured beside the training, and what is made of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, TypeVar

from gan_recipe.components.registry import BARE, LookupProblem
from gan_recipe.errors import Problem, RecipeError, did_you_mean
from gan_recipe.interfaces import Component, Signal, Verdict
from gan_recipe.language.recipe import DoctorSpec
from gan_recipe.language.recipe_settings import DoctorSettings
from gan_recipe.language.structure import structure
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key

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
        if settings.stop:
            tables.report((*key, "stop"), "the doctor is off (enabled = false), so that no verdict is told")
        return DoctorSpec(settings, {}, {})
    signals = _chosen(tables, "signals", SIGNALS, Signal, settings.off)
    verdicts = _chosen(tables, "verdicts", VERDICTS, Verdict, settings.off)
    check_names(tables, (*key, "stop"), settings.stop, verdicts)
    return DoctorSpec(settings, signals, verdicts)


def check_names(tables: Tables, key: Key, stated: Collection[str], known: Collection[str]) -> None:
    """Report what is none of the verdicts that can be told."""
    for name in stated:
        if name not in known:
            tables.report(key, f"no verdict {name!r} can be told here.{did_you_mean(name, known)}")


class _OnDemand(Mapping[str, _C]):
    """Components by name, of which the usual ones are made when they are asked for: a check has no need of their
    modules, an eighth of what it would take."""

    def __init__(self, usual: Collection[str], make: Callable[[str], _C], stated: Mapping[str, _C]) -> None:
        self._usual, self._make, self._made = usual, make, dict(stated)
        self._names = (*usual, *stated)

    def __getitem__(self, name: str) -> _C:
        if name in self._usual and name not in self._made:
            self._made[name] = self._make(name)
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _chosen(tables: Tables, part: str, usual: tuple[str, ...], cls: type[_C], off: tuple[str, ...]) -> Mapping[str, _C]:
    key = ("doctor", part)
    found: dict[str, _C] = {}
    stated: dict[str, dict[str, Any]] = tables.entries(key)
    for name, table in stated.items():
        # A usual one is known by its name; saying ``use`` again would only be in the way of its settings.
        table = {"use": name, **table} if name in usual else table
        made = tables.component(table, (*key, name), cls)
        if made is not None and name not in off:
            found[name] = made
    registry = tables.registry
    unstated = []
    for name in usual:
        if name not in stated and name not in off and BARE in registry.plugins:
            try:
                registry.find(name)
            except LookupProblem as problem:
                tables.report(key, str(problem))
            else:
                unstated.append(name)

    def make(name: str) -> Any:
        try:
            return registry.component(name, cls.kind)()
        except LookupProblem as problem:
            raise RecipeError([Problem(tables.file.origin(key).where, ".".join(key), str(problem))]) from problem

    return _OnDemand(unstated, make, found)
