"""JSON Schema of what a setting may be, and of a class of settings as a table."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from gan_recipe.components.documentation import field_docs
from gan_recipe.components.setting_types import setting_name
from gan_recipe.components.toml_value import as_toml
from gan_recipe.interfaces import ClassCount, Rounds

Schema = dict[str, Any]
_BOUNDS = {">=": "minimum", ">": "exclusiveMinimum", "<=": "maximum", "<": "exclusiveMaximum"}


def type_schema(expected: Any) -> Schema:
    """The schema of a setting's type."""
    simple: dict[Any, Schema] = {
        bool: {"type": "boolean"},
        int: {"type": "integer"},
        Rounds: {"type": "integer"},
        float: {"type": "number"},
        str: {"type": "string"},
        Path: {"type": "string"},
        ClassCount: {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "string"}]},
        Any: {},
    }
    if expected in simple:
        return dict(simple[expected])
    origin, arguments = get_origin(expected), get_args(expected)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        members = [type_schema(member) for member in arguments if member is not type(None)]
        return members[0] if len(members) == 1 else {"anyOf": members}
    if origin is tuple and arguments[-1] is Ellipsis:
        return {"type": "array", "items": type_schema(arguments[0])}
    if origin is tuple:
        count = len(arguments)
        items = [type_schema(argument) for argument in arguments]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": count, "maxItems": count}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": type_schema(arguments[1])}
    return settings_schema(expected)


def settings_schema(cls: type[Any]) -> Schema:
    """The schema of an attrs class as a table."""
    hints, docs = typing.get_type_hints(cls), field_docs(cls)
    properties, required = {}, []
    for field in attrs.fields(cls):
        if not field.init:
            continue
        name = setting_name(field)
        schema = type_schema(hints[field.name])
        for bound in _bounds(field.validator):
            if schema.get("type") in ("integer", "number"):
                schema |= bound
        if doc := docs.get(field.name):
            schema["description"] = doc
        if field.default is attrs.NOTHING:
            required.append(name)
        elif (default := _plain(field.default)) is not None:
            schema["default"] = default
        properties[name] = schema
    return table_schema(properties, required, " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split()))


def table_schema(properties: Schema, required: Iterable[str] = (), description: str = "") -> Schema:
    """A table that has these keys and no others."""
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if description:
        found["description"] = description
    if stated := list(required):
        found["required"] = stated
    return found


def _bounds(validator: Any) -> Iterable[Schema]:
    """The bounds that attrs' own validators hold a number to."""
    for each in getattr(validator, "_validators", (validator,)):
        if (sign := getattr(each, "compare_op", None)) in _BOUNDS:
            yield {_BOUNDS[sign]: each.bound}


def _plain(default: Any) -> Any:
    """A default as JSON; None for what is left out."""
    value = default.factory() if hasattr(default, "factory") else default
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (tuple, list)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return value if value is None or isinstance(value, (bool, int, float, str)) else as_toml(value)
