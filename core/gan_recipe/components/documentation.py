"""What a component says of itself, read from its class: the one source of ``show`` and the docs."""

from __future__ import annotations

import inspect
import io
import tokenize
import types
import typing
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs

from gan_recipe.components.setting_types import describe_type, setting_name
from gan_recipe.components.signature import annotation, call_parameters, is_required
from gan_recipe.components.toml_value import as_toml
from gan_recipe.interfaces import (
    ClassCount,
    Component,
    Data,
    Loss,
    Metric,
    Network,
    Rounds,
    Schedule,
    Signal,
    SteeredSchedule,
    Verdict,
)

_SHORT = 78
_READ = {
    "value": "a value",
    "function": "a network, or a composition such as `head(trunk(_))`",
    "examples": "a value over the training data",
}


@attrs.frozen
class Setting:
    """One field of a component."""

    name: str
    type: str
    #: As a recipe would write it; None for a setting that must be stated.
    default: str | None
    doc: str


@attrs.frozen
class Read:
    """One parameter of a loss's or a metric's ``__call__``."""

    name: str
    #: "value", "function" (a composition with a hole) or "examples" (a value over the training stream).
    kind: str
    required: bool

    @property
    def told(self) -> str:
        """What stands there, in words."""
        left_out = "" if self.required else "; may be left out"
        return f"{_READ[self.kind]}{left_out}"


def settings(cls: type[Any]) -> list[Setting]:
    """The settings with their types, defaults and ``#:`` comments, in the order of the class."""
    hints = typing.get_type_hints(cls)
    docs = field_docs(cls)
    return [
        Setting(
            name=setting_name(field),
            type=describe_type(hints[field.name]),
            default=None if field.default is attrs.NOTHING else _default(field),
            doc=docs.get(field.name, ""),
        )
        for field in attrs.fields(cls)
        if field.init
    ]


def reads(cls: type[Component]) -> list[Read]:
    """What a loss, a metric or a schedule that steers reads, in order."""
    if not issubclass(cls, (Loss, Metric, SteeredSchedule)):
        return []
    kinds = {"Function": "function", "Examples": "examples"}
    return [
        Read(name, kinds.get(annotation(parameter), "value"), is_required(parameter))
        for name, parameter in call_parameters(cls).items()
    ]


def field_docs(cls: type[Any]) -> dict[str, str]:
    """The ``#:`` comment above each field, by field; a class inherits those of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if attrs.has(base):
            found |= _field_docs_of(base)
    return found


def example(name: str, cls: type[Component]) -> str:
    """The shortest recipe lines that use the component. They are TOML; what they name is for the person to change."""
    hints = typing.get_type_hints(cls)
    fields: Any = attrs.fields(cls)  # type: ignore[arg-type]
    stated = {"use": as_toml(name)}
    for field in fields:
        if field.init and field.default is attrs.NOTHING:
            stated[setting_name(field)] = _placeholder(hints[field.name])
    for read in reads(cls):
        if read.required:
            stated[read.name] = '"critic"' if read.kind == "function" else as_toml(read.name)
    short = name.rpartition(".")[2]
    if issubclass(cls, Schedule):
        return "\n".join(["[schedule]", *(f"{key} = {value}" for key, value in stated.items())])
    if issubclass(cls, Data):
        return _table("data", short, stated)
    if issubclass(cls, Network):
        return _table("networks", cls.kind, stated)
    if issubclass(cls, Metric):
        return _table("metrics", short, stated)
    if issubclass(cls, (Signal, Verdict)):
        return _table("doctor", f"{cls.kind}s.{short}", stated)
    player = "generator" if short.endswith("_generator") else "critic"
    if issubclass(cls, Loss):
        return _table(f"players.{player}", f"losses.{short}", stated)
    return _table(f"players.{player}", f"constraints.{short}", stated)


def _table(around: str, name: str, stated: dict[str, str]) -> str:
    """An entry of a table: on one line where that is short."""
    line = f"{name} = {{ {', '.join(f'{key} = {value}' for key, value in stated.items())} }}"
    if len(line) <= _SHORT:
        return f"[{around}]\n{line}"
    return "\n".join([f"[{around}.{name}]", *(f"{key} = {value}" for key, value in stated.items())])


def _default(field: attrs.Attribute[Any]) -> str:
    default: Any = field.default
    value = default.factory() if hasattr(default, "factory") else default
    return "left out" if value is None else as_toml(value)


def _placeholder(expected: Any) -> str:
    """Some value of the type."""
    origin, arguments = get_origin(expected), get_args(expected)
    if expected in (ClassCount, Rounds, int):
        return "1"
    if origin is Literal:
        return as_toml(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return _placeholder(arguments[0])
    if origin is tuple:
        return f"[{_placeholder(arguments[0])}]"
    if origin is dict:
        return f"{{ NAME = {_placeholder(arguments[1])} }}"
    return {float: "1.0", bool: "true", Path: '"FOLDER"'}.get(expected, '"NAME"')


def _field_docs_of(cls: type[Any]) -> dict[str, str]:
    try:
        source = inspect.getsource(cls)
    except (OSError, TypeError):
        return {}
    found: dict[str, str] = {}
    comment: list[str] = []
    fields = {field.name for field in attrs.fields(cls)}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and token.string.startswith("#:"):
            comment.append(token.string[2:].strip())
        elif token.type == tokenize.NAME:
            if comment and token.string in fields:
                found[token.string] = " ".join(comment)
            comment = []
    return found
