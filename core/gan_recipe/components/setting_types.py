"""A component's settings as a recipe has them: how they are called, and of which types they may be, in words."""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from gan_recipe.components.toml_value import as_toml
from gan_recipe.interfaces import ClassCount, Rounds

_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    Rounds: "a whole number of rounds",
    ClassCount: "a whole number above 0, or the name of a label field",
    Any: "anything",
}


def describe(expected: Any) -> str:
    """The type in a person's words."""
    if expected in _NAMES:
        return _NAMES[expected]
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return " or ".join(describe(member) for member in arguments if member is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(map(as_toml, arguments)) if len(arguments) > 1 else as_toml(arguments[0])
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"a list, each {describe(arguments[0])}"
    if origin is tuple:
        words = [describe(argument) for argument in arguments]
        same = len(set(words)) == 1
        return f"a list of {len(words)}, each {words[0]}" if same else f"a list of {len(words)}: {', '.join(words)}"
    if origin in (dict, Mapping):
        return f"a table, each {describe(arguments[1])}"
    return "a table"


def describe_type(expected: Any) -> str:
    """The type of a setting in a person's words, for ``show`` and the docs."""
    return describe(expected) + (", or left out" if type(None) in get_args(expected) else "")


def is_setting_type(expected: Any) -> bool:
    """Whether a component's field can be stated in a recipe at all."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected in _NAMES or origin is Literal or attrs.has(expected):
        return True
    if origin in (dict, Mapping):
        return arguments[0] is str and is_setting_type(arguments[1])
    members = [inner for inner in arguments if inner not in (Ellipsis, type(None))]
    return origin in (tuple, Union, types.UnionType) and all(map(is_setting_type, members))


def setting_name(field: attrs.Attribute[Any]) -> str:
    """How a recipe calls a field: ``from_`` is written ``from``, which Python keeps for itself."""
    return field.alias.removesuffix("_") if field.alias else field.name
