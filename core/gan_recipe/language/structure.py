"""Tables of a recipe made into attrs classes, strictly: nothing is coerced, everything wrong is reported.

(cattrs was weighed: its default converts ``"7"``, ``True`` and ``1.9`` to an int; made strict, with a line for each
problem, it took more code than the dozen forms of types that a setting can have.)
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from gan_recipe.components.setting_types import describe, setting_name
from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import did_you_mean, nearest
from gan_recipe.interfaces import ClassCount, Rounds
from gan_recipe.language.dataflow import ambiguous, matching_fields, may_be_unknown
from gan_recipe.language.scale import scaled
from gan_recipe.language.toml_file import Key

T = TypeVar("T")
Report = Callable[[Key, str], None]


@attrs.frozen
class Surroundings:
    """What a setting may refer to."""

    #: Where a problem goes: the key and what is wrong with it.
    report: Report
    #: The folder that relative paths of a key start from.
    folder: Callable[[Key], Path]
    #: The classes of every field, as ``source.field``, for ``outputs = "identity"``; None for what is no label.
    classes: Mapping[str, int | None] = attrs.field(factory=dict)
    #: Sources of data whose fields cannot be told, so that no name of a field can be called wrong.
    unknown_sources: Collection[str] = ()
    #: By how much every length of time in rounds is shortened.
    scale: float = 1.0


class _WrongError(Exception):
    """A value has the wrong type. The argument is added to what was expected; without one all has been reported."""


class _UnknownTypeError(Exception):
    """A setting is annotated with a name that its module does not have."""


class SettingTypes(Mapping[str, Any]):
    """The types of a class's settings, each found out when it is asked for: of many a table states two or three."""

    def __init__(self, cls: type, fields: Mapping[str, str]) -> None:
        """``fields`` are the attributes by the names of their settings."""
        self._cls, self._fields = cls, fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def __contains__(self, name: object) -> bool:
        return name in self._fields

    def __getitem__(self, name: str) -> Any:
        field = self._fields[name]
        owner = next(each for each in self._cls.__mro__ if field in inspect.get_annotations(each))
        annotated = types.SimpleNamespace(__annotations__={field: inspect.get_annotations(owner)[field]})
        try:
            # Of two meanings of a name the module's counts, as it does for a whole class.
            hints = typing.get_type_hints(annotated, dict(vars(owner)), vars(sys.modules[owner.__module__]))
        except NameError as error:
            raise _UnknownTypeError(str(error)) from error
        return hints[field]


def structure(cls: type[T], table: Any, key: Key, around: Surroundings, *, reserved: Collection[str] = ()) -> T | None:
    """Make ``cls`` from ``table``; keys in ``reserved`` belong to somebody else. None when problems were reported."""
    fields = {setting_name(field): field for field in attrs.fields(cls) if field.init}  # type: ignore[arg-type]
    forms = SettingTypes(cls, {name: field.name for name, field in fields.items()})
    required = [name for name, field in fields.items() if field.default is attrs.NOTHING]
    try:
        values = read_table(table, forms, required, key, around, reserved=reserved)
    except _UnknownTypeError as error:
        around.report(key, f"{cls.__name__} cannot be set up, which is a fault of its plugin: {error}")
        return None
    if values is None:
        return None
    try:
        return cls(**{fields[name].alias: value for name, value in values.items()})
    except ValueError as error:
        told = str(error.args[0]) if error.args else "these settings are refused"
        around.report((*key, *blamed(told, table)), _BOUND.sub(_bound, told))
    except Exception as error:  # a stranger's component may raise anything
        around.report(key, f"{cls.__name__} fails on these settings: {type(error).__name__}: {error}")
    return None


def read_table(
    table: Any,
    forms: Mapping[str, Any],
    required: Collection[str],
    key: Key,
    around: Surroundings,
    *,
    reserved: Collection[str] = (),
) -> dict[str, Any] | None:
    """The table's values, each of the type that ``forms`` states; None when problems were reported."""
    if not isinstance(table, dict):
        around.report(key, f"expected a table, not {shortened(table)}")
        return None
    values: dict[str, Any] = {}
    sound = True
    known = [*forms, *reserved]
    for name, value in table.items():
        if name in reserved:
            continue
        if name not in forms:
            around.report((*key, name), f"there is no such key.{did_you_mean(name, known)}")
            sound = False
            continue
        try:
            values[name] = _convert(value, forms[name], (*key, name), around)
        except _WrongError as wrong:
            sound = False
            _report(wrong, value, forms[name], (*key, name), around)
    misspelt = slips(table, known)
    for name in required:
        if name not in table:
            sound = False
            if name not in misspelt:
                around.report(key, f"{name!r} is missing: {describe(forms[name])}")
    return values if sound else None


def slips(table: Mapping[str, Any], known: Collection[str]) -> set[str]:
    """The known keys that the table misspells: one of these is reported as misspelt, and not as missing too."""
    return {near for name in table if name not in known and (near := nearest(name, known))}


# ------------------------------------------------------------------------------------------------------- conversion


def _convert(value: Any, expected: Any, key: Key, around: Surroundings) -> Any:
    if expected is Any:
        return value
    if expected is ClassCount:
        return _class_count(value, around)
    if expected is Rounds:
        return scaled(_scalar(value, int, key, around), around.scale)
    origin, arguments = get_origin(expected), get_args(expected)
    if origin in (Union, types.UnionType):
        return _union(value, arguments, key, around)
    if origin is Literal:
        if any(type(value) is type(choice) and value == choice for choice in arguments):
            return value
        raise _WrongError("." + did_you_mean(value, map(str, arguments)) if isinstance(value, str) else "")
    if origin is tuple:
        return _tuple(value, arguments, key, around)
    if origin in (dict, Mapping):
        return _dict(value, arguments[1], key, around)
    if attrs.has(expected):
        made = structure(expected, value, key, around)
        if made is None:
            raise _WrongError
        return made
    return _scalar(value, expected, key, around)


def _report(wrong: _WrongError, value: Any, expected: Any, key: Key, around: Surroundings) -> None:
    if wrong.args:
        around.report(key, f"expected {describe(expected)}, not {shortened(value)}{wrong.args[0]}")


def _scalar(value: Any, expected: Any, key: Key, around: Surroundings) -> Any:
    if expected is float and type(value) in (int, float):
        return float(value)
    if expected in (bool, int, str) and type(value) is expected:
        return value
    if expected is Path and isinstance(value, str):
        if "\0" in value:
            raise _WrongError(": no path holds a zero byte")
        try:
            return around.folder(key) / Path(value).expanduser()
        except RuntimeError:
            raise _WrongError(": there is no such home folder") from None
    raise _WrongError("")


def _class_count(value: Any, around: Surroundings) -> int:
    if type(value) is int and value > 0:
        return value
    if not isinstance(value, str):
        raise _WrongError("")
    found = matching_fields(value, around.classes)
    if len(found) > 1:
        raise _WrongError(f": {ambiguous(value, found)}")
    if found:
        classes = around.classes[found[0]]
        if classes is None:
            raise _WrongError(": that field is no label, it has no classes")
        return classes
    if may_be_unknown(value, around.unknown_sources):
        raise _WrongError
    labels = [full for full, classes in around.classes.items() if classes is not None]
    known = {*labels, *(full.partition(".")[2] for full in labels)}
    raise _WrongError(f": the data has no such field.{did_you_mean(value, known)}")


def _union(value: Any, members: tuple[Any, ...], key: Key, around: Surroundings) -> Any:
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


def _dict(value: Any, form: Any, key: Key, around: Surroundings) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongError("")
    made: dict[str, Any] = {}
    for name, inner in value.items():
        try:
            made[name] = _convert(inner, form, (*key, name), around)
        except _WrongError as wrong:
            _report(wrong, inner, form, (*key, name), around)
    if len(made) < len(value):
        raise _WrongError
    return made


# ------------------------------------------------------------------------------------------------------- refusals

_SETTING = re.compile(r"'?([A-Za-z_]\w*)'?((?:\.\w+)*)")
# How attrs' own validators put it.
_BOUND = re.compile(r"^'\w+' must be (>=|>|<=|<) (\S+): (.*)$", re.DOTALL)
_WORDS = {">=": "at least", ">": "above", "<=": "at most", "<": "below"}


def blamed(told: str, table: Mapping[str, Any]) -> Key:
    """The setting that a refusal speaks of, when it begins with the name of a stated one."""
    match = _SETTING.match(told)
    found: Key = ()
    within: Any = table
    for part in [match[1], *match[2].split(".")[1:]] if match else []:
        if not isinstance(within, dict) or part not in within:
            break
        found, within = (*found, part), within[part]
    return found


def _bound(match: re.Match[str]) -> str:
    return f"expected {_WORDS[match[1]]} {match[2]}, not {match[3]}"
