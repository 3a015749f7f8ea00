"""Tables of a recipe made into attrs classes, strictly: nothing is coerced, everything wrong is reported.

(cattrs was weighed: its default converts ``"7"``, ``True`` and ``1.9`` to an int; made strict, with a line for each
problem, it took more code than the dozen forms of types that a setting can have.)
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import ClassCount
from gan_recipe.toml_file import Key

T = TypeVar("T")
Report = Callable[[Key, str], None]


@attrs.frozen
class Surroundings:
    """What a setting may refer to."""

    #: Where a problem goes: the key and what is wrong with it.
    report: Report
    #: The folder that relative paths of a key start from.
    folder: Callable[[Key], Path]
    #: The classes of every label field, for ``outputs = "identity"``; None for a field that is no label.
    classes: Mapping[str, int | None] = attrs.field(factory=dict)


class _WrongError(Exception):
    """A value has the wrong type; the problem is reported already or is in the message."""


def structure(
    cls: type[T], table: Any, key: Key, around: Surroundings, *, reserved: typing.Collection[str] = ()
) -> T | None:
    """Make ``cls`` from ``table``; keys in ``reserved`` belong to somebody else. None when problems were reported."""
    if not isinstance(table, dict):
        around.report(key, f"expected a table, not {table!r}")
        return None
    fields = {setting_name(field): field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]
    by_attribute = typing.get_type_hints(cls)
    hints = {name: by_attribute[field.name] for name, field in fields.items()}
    values: dict[str, Any] = {}
    sound = True
    for name, value in table.items():
        if name in reserved:
            continue
        if name not in fields:
            known = [*fields, *reserved]
            around.report((*key, name), f"there is no such key.{did_you_mean(name, known)}")
            sound = False
            continue
        try:
            values[name] = _convert(value, hints[name], (*key, name), around)
        except _WrongError as wrong:
            sound = False
            if wrong.args:
                expected = _describe(hints[name])
                around.report((*key, name), f"expected {expected}, not {value!r}{wrong.args[0]}")
    for name, field in fields.items():
        if field.default is attrs.NOTHING and name not in table:
            around.report(key, f"{name!r} is missing: {_describe(hints[name])}")
            sound = False
    if not sound:
        return None
    try:
        return cls(**{fields[name].alias: value for name, value in values.items()})
    except ValueError as error:
        around.report(key, str(error))
        return None


def setting_name(field: attrs.Attribute[Any]) -> str:
    """How a recipe calls a field: ``from_`` is written ``from``, which Python keeps for itself."""
    return field.alias.removesuffix("_") if field.alias else field.name


def _convert(value: Any, expected: Any, key: Key, around: Surroundings) -> Any:
    if expected is Any:
        return value
    if expected is ClassCount:
        return _class_count(value, key, around)
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, key, around)
    if origin is Literal:
        if any(value is choice or (type(value) is type(choice) and value == choice) for choice in arguments):
            return value
        raise _WrongError("." + did_you_mean(value, map(str, arguments)) if isinstance(value, str) else "")
    if origin is tuple:
        return _tuple(value, arguments, key, around)
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            raise _WrongError("")
        return {name: _convert(inner, arguments[1], (*key, name), around) for name, inner in value.items()}
    if attrs.has(expected):
        made = structure(expected, value, key, around)
        if made is None:
            raise _WrongError
        return made
    return _scalar(value, expected, key, around)


def _scalar(value: Any, expected: Any, key: Key, around: Surroundings) -> Any:
    if expected is float and type(value) in (int, float):
        return float(value)
    if expected in (bool, int, str) and type(value) is expected:
        return value
    if expected is Path and isinstance(value, str):
        return around.folder(key) / Path(value).expanduser()
    raise _WrongError("")


def _class_count(value: Any, key: Key, around: Surroundings) -> int:
    if type(value) is int and value > 0:
        return value
    if isinstance(value, str):
        if value not in around.classes:
            raise _WrongError(f": the data has no such field.{did_you_mean(value, around.classes)}")
        classes = around.classes[value]
        if classes is None:
            raise _WrongError(": that field is no label, it has no classes")
        return classes
    raise _WrongError("")


def _union(value: Any, members: tuple[Any, ...], key: Key, around: Surroundings) -> Any:
    if value is None and type(None) in members:
        return None
    complaints = []
    for member in members:
        if member is type(None):
            continue
        tables_disagree = isinstance(value, dict) != (attrs.has(member) or get_origin(member) in (dict, Mapping))
        if tables_disagree:
            continue
        try:
            return _convert(value, member, key, around)
        except _WrongError as wrong:
            complaints.append(wrong)
    if len(complaints) == 1:
        raise complaints[0]
    raise _WrongError("")


def _tuple(value: Any, arguments: tuple[Any, ...], key: Key, around: Surroundings) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise _WrongError("")
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return tuple(_convert(inner, arguments[0], key, around) for inner in value)
    if len(value) != len(arguments):
        raise _WrongError(f": it has {len(value)} elements")
    return tuple(_convert(inner, form, key, around) for inner, form in zip(value, arguments, strict=True))


_NAMES: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    Path: "a path",
    ClassCount: "a whole number above 0, or the name of a label field",
    Any: "anything",
}


def _describe(expected: Any) -> str:
    """The type in a person's words."""
    if expected in _NAMES:
        return _NAMES[expected]
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(member) for member in arguments if member is not type(None))
    if origin is Literal:
        return "one of " + ", ".join(map(repr, arguments))
    if origin is tuple and arguments[-1] is Ellipsis:
        return f"a list, each {_describe(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(map(_describe, arguments))}"
    if origin in (dict, Mapping):
        return f"a table, each {_describe(arguments[1])}"
    return "a table"


def describe_type(expected: Any) -> str:
    """The type of a setting in a person's words, for ``show`` and the docs."""
    return _describe(expected) + (", or left out" if type(None) in get_args(expected) else "")


def is_setting_type(expected: Any) -> bool:
    """Whether a component's field can be stated in a recipe at all."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected in _NAMES or origin is Literal or attrs.has(expected):
        return True
    members = [inner for inner in arguments if inner not in (Ellipsis, type(None))]
    return bool(origin) and all(map(is_setting_type, members))
