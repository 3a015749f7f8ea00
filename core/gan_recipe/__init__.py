"""gan-recipe: GAN variants as short, checked, remembered recipes.

Everything a plugin needs is here. Importing this package never imports torch.
"""

from __future__ import annotations

TYPE_CHECKING = False  # what checkers take for true; importing typing, to say so, would take longer than all the rest
if TYPE_CHECKING:
    from typing import Any

    from gan_recipe.api import API_VERSION
    from gan_recipe.cache import cache_folder
    from gan_recipe.distributed.whole_batch import own_rows, whole_batch
    from gan_recipe.health.case import Case, Series
    from gan_recipe.health.contests import Contest, Meeting
    from gan_recipe.health.moment import Look, Moment
    from gan_recipe.hooks import hookimpl
    from gan_recipe.interfaces import (
        ClassCount,
        Component,
        Constraint,
        Data,
        Decoder,
        Encoder,
        Examples,
        Field,
        Finding,
        Function,
        Head,
        Loss,
        Metric,
        Network,
        Role,
        Rounds,
        Schedule,
        Signal,
        Source,
        SteeredSchedule,
        Traits,
        Verdict,
    )
    from gan_recipe.ramp import Ramp
    from gan_recipe.signs_of_life import progress

__version__ = "0.1.0"

__all__ = [
    "API_VERSION",
    "Case",
    "ClassCount",
    "Component",
    "Constraint",
    "Contest",
    "Data",
    "Decoder",
    "Encoder",
    "Examples",
    "Field",
    "Finding",
    "Function",
    "Head",
    "Look",
    "Loss",
    "Meeting",
    "Metric",
    "Moment",
    "Network",
    "Ramp",
    "Role",
    "Rounds",
    "Schedule",
    "Series",
    "Signal",
    "Source",
    "SteeredSchedule",
    "Traits",
    "Verdict",
    "cache_folder",
    "hookimpl",
    "own_rows",
    "progress",
    "whole_batch",
]

# Where each is at home. It is imported when it is asked for: no command and no plugin waits for what it does not use.
_HOMES = {
    "API_VERSION": "api",
    "Case": "health.case",
    "ClassCount": "interfaces",
    "Component": "interfaces",
    "Constraint": "interfaces",
    "Contest": "health.contests",
    "Data": "interfaces",
    "Decoder": "interfaces",
    "Encoder": "interfaces",
    "Examples": "interfaces",
    "Field": "interfaces",
    "Finding": "interfaces",
    "Function": "interfaces",
    "Head": "interfaces",
    "Look": "health.moment",
    "Loss": "interfaces",
    "Meeting": "health.contests",
    "Metric": "interfaces",
    "Moment": "health.moment",
    "Network": "interfaces",
    "Ramp": "ramp",
    "Role": "interfaces",
    "Rounds": "interfaces",
    "Schedule": "interfaces",
    "Series": "health.case",
    "Signal": "interfaces",
    "Source": "interfaces",
    "SteeredSchedule": "interfaces",
    "Traits": "interfaces",
    "Verdict": "interfaces",
    "cache_folder": "cache",
    "hookimpl": "hooks",
    "own_rows": "distributed.whole_batch",
    "progress": "signs_of_life",
    "whole_batch": "distributed.whole_batch",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"gan_recipe.{_HOMES[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
