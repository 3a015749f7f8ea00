"""gan-recipe: GAN variants as short, checked, remembered recipes.

Everything a plugin needs is here. Importing this package never imports torch.
"""

from gan_recipe.cache import cache_folder
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
    Function,
    Head,
    Loss,
    Metric,
    Network,
    Rounds,
    Schedule,
    Source,
)
from gan_recipe.ramp import Ramp

__version__ = "0.1.0"

__all__ = [
    "ClassCount",
    "Component",
    "Constraint",
    "Data",
    "Decoder",
    "Encoder",
    "Examples",
    "Field",
    "Function",
    "Head",
    "Loss",
    "Metric",
    "Network",
    "Ramp",
    "Rounds",
    "Schedule",
    "Source",
    "cache_folder",
    "hookimpl",
]
