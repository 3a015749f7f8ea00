"""The settings that a table of a recipe could state, for changes that are made to every table that has one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import attrs

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.components.setting_types import setting_name
from gan_recipe.components.signature import call_parameters
from gan_recipe.interfaces import KINDS, Loss, Metric, SteeredSchedule
from gan_recipe.language.optimizers import INIT_PARTS, INITIALISERS, LR_SCHEDULES, OPTIMIZERS
from gan_recipe.language.override import Settings
from gan_recipe.language.recipe_settings import BESIDE
from gan_recipe.language.toml_file import Key

_PLAYER = ("trains", "ema", "lr_schedule", "clip_gradients", "balance")


def settings_of(registry: Registry) -> Settings:
    """Looks up what the table at a key could state; nothing for a table that uses what there is not."""

    def settings(at: Key, table: Mapping[str, Any]) -> Collection[str]:
        if not at:
            return ()
        use = table.get("use")
        known = {"optimizer": OPTIMIZERS, "lr_schedule": LR_SCHEDULES}.get(at[-1])
        if at[-1] == "init":
            return INIT_PARTS
        if at[-2:-1] == ("init",):
            known = INITIALISERS
        if known is not None:
            lr = ("lr",) if known is OPTIMIZERS else ()
            return (*lr, *known[use].options) if use in known else ()
        holds = at[-2] if len(at) > 1 else ""
        beside = _PLAYER if holds == "players" else BESIDE.get(holds, ())
        return (*beside, *_component_settings(registry, use)) if isinstance(use, str) else beside

    return settings


def _component_settings(registry: Registry, use: str) -> Collection[str]:
    try:
        cls = registry.component(use, tuple(KINDS))
    except LookupProblem:
        return ()
    reads = call_parameters(cls) if issubclass(cls, (Loss, Metric, SteeredSchedule)) else ()
    return (*(setting_name(field) for field in attrs.fields(cls) if field.init), *reads)  # type: ignore[arg-type]
