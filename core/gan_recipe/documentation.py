"""What a component says of itself, read from its class: the one source of ``list``, ``show`` and the docs."""

from __future__ import annotations

import inspect
import io
import tokenize
import typing
from pathlib import Path
from typing import Any

import attrs

from gan_recipe.interfaces import Component, Data, Loss, Metric, Network, Schedule
from gan_recipe.settings import describe_type, setting_name
from gan_recipe.signature import call_parameters, is_required


@attrs.frozen
class Setting:
    """One field of a component."""

    name: str
    type: str
    #: As a recipe would write it; None for a setting that must be stated.
    default: str | None
    doc: str


def summary(cls: type[Any]) -> str:
    """The docstring's first sentence."""
    text = " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


def settings(cls: type[Any]) -> list[Setting]:
    """The settings with their types, defaults and ``#:`` comments, in the order of the class."""
    hints = typing.get_type_hints(cls)
    docs = field_docs(cls)
    return [
        Setting(
            name=setting_name(field),
            type=describe_type(hints[field.name]),
            default=None if field.default is attrs.NOTHING else as_toml(_default(field)),
            doc=docs.get(field.name, ""),
        )
        for field in attrs.fields(cls)
        if field.init
    ]


def reads(cls: type[Component]) -> list[tuple[str, bool]]:
    """What a loss or metric reads: parameter and whether it must be stated."""
    if not issubclass(cls, (Loss, Metric)):
        return []
    return [(name, is_required(parameter)) for name, parameter in call_parameters(cls).items()]


def field_docs(cls: type[Any]) -> dict[str, str]:
    """The ``#:`` comment above each field, by field; a class inherits those of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if attrs.has(base):
            found |= _field_docs_of(base)
    return found


def example(name: str, cls: type[Component]) -> str:
    """The shortest recipe lines that use the component."""
    fields: Any = attrs.fields(cls)  # type: ignore[arg-type]
    stated = {setting_name(field): "..." for field in fields if field.init and field.default is attrs.NOTHING}
    stated |= {parameter: '"..."' for parameter, required in reads(cls) if required}
    table = ", ".join([f'use = "{name}"', *(f"{key} = {value}" for key, value in stated.items())])
    short = name.rpartition(".")[2]
    if issubclass(cls, Schedule):
        return f'[schedule]\nuse = "{name}"'
    if issubclass(cls, Data):
        return f"[data]\n{short} = {{ {table} }}"
    if issubclass(cls, Network):
        return f"[networks]\n{cls.kind} = {{ {table} }}"
    if issubclass(cls, Metric):
        return f"[metrics]\n{short} = {{ {table} }}"
    return f"[players.critic]\n{'losses' if issubclass(cls, Loss) else 'constraints'}.{short} = {{ {table} }}"


def as_toml(value: Any) -> str:
    """A default as a recipe would write it."""
    if value is None:
        return "left out"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (str, Path)):
        return f'"{value}"'
    if isinstance(value, (tuple, list)):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {as_toml(inner)}" for key, inner in value.items()) + " }" if value else "{}"
    return str(value)


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    return default.factory() if hasattr(default, "factory") else default


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
