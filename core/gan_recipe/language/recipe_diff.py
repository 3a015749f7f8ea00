"""The difference of two recipes in the recipes' own terms: ``players.generator.losses.l1.weight 1 -> 5``.

It is taken between resolved tables, so that how a recipe came by a setting (``extends``, ``-s``) makes no difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from gan_recipe.components.toml_value import as_key, as_toml, shortened
from gan_recipe.language.recipe_settings import TABLES
from gan_recipe.language.toml_file import Key

_MOST = 200

#: What a table's unstated settings are, where that is known: asked with the table's key and the table.
Defaults = Callable[[Key, Mapping[str, Any]], Mapping[str, Any]]


@frozen
class Change:
    """One setting, or one whole table, that two recipes do not have alike."""

    key: Key
    #: The value in either recipe; None where it is not stated (TOML has no None).
    before: Any
    after: Any

    @property
    def name(self) -> str:
        """The dotted key, as ``-s`` takes it."""
        return ".".join(map(as_key, self.key))

    @property
    def told(self) -> tuple[str | None, str | None]:
        """Both values as TOML on one line, long ones shortened, None for what is not stated.

        Of two tables that use different components, the settings that both state alike are left out.
        """
        before, after = self.before, self.after
        if isinstance(before, dict) and isinstance(after, dict):
            alike = [name for name in before if name != "use" and name in after and is_same(before[name], after[name])]
            return _without(alike, before), _without(alike, after)
        return tuple(None if value is None else shortened(value, _MOST) for value in (before, after))  # type: ignore[return-value]


def difference(before: Mapping[str, Any], after: Mapping[str, Any], defaults: Defaults | None = None) -> list[Change]:
    """What ``after`` states differently from ``before``, by key.

    A table whose ``use`` differs is one change; so is one that only one side has, unless it is a mere folder of other
    tables. With ``defaults``, a setting that one side leaves unstated counts as what it then is.
    """
    found = _compare((), before, after, defaults or (lambda key, table: {}))
    return sorted(found, key=lambda change: (_rank(change.key), change.key))


def is_same(one: Any, other: Any) -> bool:
    """Whether a recipe means the same by both: 1 and 1.0 are one number, 1 and true are two things."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(is_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def as_json(change: Change) -> dict[str, Any]:
    """``key`` as a list of its parts, and ``before`` and ``after`` unless they are not stated."""
    values = {"before": change.before, "after": change.after}
    stated = {name: value for name, value in values.items() if value is not None}
    told: dict[str, Any] = json.loads(json.dumps({"key": list(change.key), **stated}, default=str))
    return told


def from_json(told: Any) -> Change:
    """The reverse of ``as_json``. Raises ValueError for what it never wrote."""
    if not isinstance(told, dict) or not isinstance(told.get("key"), list) or not told["key"]:
        raise ValueError("a change has a key")
    return Change(tuple(map(str, told["key"])), told.get("before"), told.get("after"))


def _compare(key: Key, before: Mapping[str, Any], after: Mapping[str, Any], defaults: Defaults) -> Iterator[Change]:
    unstated: list[Mapping[str, Any]] = [{}, {}]
    if before.keys() != after.keys():
        unstated = [defaults(key, before), defaults(key, after)]
    for name in dict.fromkeys([*before, *after]):
        old = before.get(name, unstated[0].get(name))
        new = after.get(name, unstated[1].get(name))
        at = (*key, name)
        if _is_entered(old, new, at):
            yield from _compare(at, old or {}, new or {}, defaults)
        elif not is_same(old, new):
            yield Change(at, old, new)


def _is_entered(old: Any, new: Any, key: Key) -> bool:
    """Whether the two differ by their entries, not as a whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.get("use") == new.get("use")
    (stated,) = [value for value in (old, new) if value is not None] if None in (old, new) else (None,)
    if not isinstance(stated, dict) or not stated or "use" in stated:
        return False
    return len(key) == 1 or any(isinstance(value, dict) for value in stated.values())


def _without(left_out: list[str], table: Mapping[str, Any]) -> str:
    kept = {name: value for name, value in table.items() if name not in left_out}
    pairs = [f"{as_key(name)} = {shortened(value, _MOST // 2)}" for name, value in kept.items()]
    return f"{{ {', '.join([*pairs, *(['…'] if left_out else [])])} }}" if table else as_toml({})


def _rank(key: Key) -> int:
    """In the order in which a recipe is read; the order of a file's own lines has no say."""
    return TABLES.index(key[0]) if key[0] in TABLES else len(TABLES)
