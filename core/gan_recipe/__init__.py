"""gan-recipe: GAN variants as short, checked, remembered recipes.

Everything a plugin needs is here. Importing this package never imports torch.
"""

from typing import TYPE_CHECKING, Any

from gan_recipe.api import API_VERSION
from gan_recipe.cache import cache_folder
from gan_recipe.distributed.whole_batch import own_rows, whole_batch
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

if TYPE_CHECKING:
    from gan_recipe.health.case import Case, Series
    from gan_recipe.health.contests import Contest, Meeting
    from gan_recipe.health.moment import Look, Moment

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

# What signals and verdicts are handed. Most that import this package are neither, and need not wait for it.
_LATER = {
    "Case": "health.case",
    "Series": "health.case",
    "Contest": "health.contests",
    "Meeting": "health.contests",
    "Look": "health.moment",
    "Moment": "health.moment",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"gan_recipe.{_LATER[name]}"), name)
