"""What a loss or a metric reads: the parameters of its ``__call__``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from gan_recipe.interfaces import Component


def call_parameters(cls: type[Component]) -> Mapping[str, inspect.Parameter]:
    """The parameters of ``__call__`` in order, without ``self``."""
    call: Any = cls.__call__
    return {name: parameter for name, parameter in inspect.signature(call).parameters.items() if name != "self"}


def is_required(parameter: inspect.Parameter) -> bool:
    """Whether a recipe must say what is read there."""
    return parameter.default is inspect.Parameter.empty


def annotation(parameter: inspect.Parameter) -> str:
    """The annotation's bare name; component modules keep annotations as texts, so that torch stays unimported."""
    stated = parameter.annotation
    text = stated if isinstance(stated, str) else getattr(stated, "__name__", str(stated))
    return text.removesuffix("| None").strip().rpartition(".")[2]
