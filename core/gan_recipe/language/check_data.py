"""The table ``[data]``: sources, and the fields of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gan_recipe.interfaces import Data, Field
from gan_recipe.language.expression import HOLE
from gan_recipe.language.structure import blamed
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key


def read_data(tables: Tables, stand_ins: Mapping[str, Data]) -> tuple[dict[str, Data], dict[str, Field]]:
    """The sound sources, and the fields of a batch as ``source.field``; ``stand_ins`` take the place of some."""
    found: dict[str, Data] = {}
    fields: dict[str, Field] = {}
    stated = tables.required(("data",), 'noise = { use = "noise" }')
    for name, table in tables.entries(("data",)).items():
        key = ("data", name)
        source = stand_ins[name] if name in stand_ins else tables.component(table, key, Data)
        told = _fields(tables, source, table, key) if source is not None else None
        if source is not None and told is not None:
            found[name] = source
            fields |= {f"{name}.{short}": one for short, one in told.items()}
    tables.classes.update({full: one.classes for full, one in fields.items()})
    tables.unknown_sources.update(name for name in stated if name not in found)
    if not stated:
        tables.unknown_sources.add("*")
    return found, fields


def _fields(tables: Tables, source: Data, table: Mapping[str, Any], key: Key) -> Mapping[str, Field] | None:
    try:
        fields = source.fields()
    except (ValueError, OSError) as error:
        tables.report((*key, *blamed(str(error), table)), str(error))
        return None
    except Exception as error:  # a stranger's component may raise anything
        tables.report(key, f"{table['use']!r} cannot tell its fields: {type(error).__name__}: {error}")
        return None
    for name in fields:
        if not name.isidentifier() or not name.isascii() or name == HOLE:
            tables.report(key, f"no expression can read the field {name!r}: its name must be letters, digits and '_'")
            return None
    return fields
