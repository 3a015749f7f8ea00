"""What losses, metrics and sheets read: expressions of a recipe bound to the values that they mean."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field

from gan_recipe.components.signature import annotation, is_required
from gan_recipe.errors import nearest
from gan_recipe.language.dataflow import Dataflow, KnownProblem, NameProblem, Node
from gan_recipe.language.expression import Expression
from gan_recipe.language.structure import slips
from gan_recipe.language.tables import NAME_RULE, Tables, is_name
from gan_recipe.language.toml_file import Key

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@define
class Reading:
    """The values of a recipe, and what is bound to them."""

    tables: Tables
    flow: Dataflow
    _unbound: set[Key] = field(factory=set, init=False)

    @classmethod
    def of(cls, tables: Tables, fields: list[str], networks: list[str]) -> Reading:
        """Read ``[values]``; ``networks`` are all that the recipe states, the wrong ones included."""
        stated: dict[str, Expression | None] = {}
        for name, text in tables.table(("values",)).items():
            key = ("values", name)
            if not is_name(name):
                tables.report(key, f"this is no name: {NAME_RULE}")
                continue
            stated[name] = tables.expression(text, key)
            if name in networks or any(name in (full, full.partition(".")[2]) for full in fields):
                tables.report(key, f"{name!r} is already the name of a network or of a field of the data")
                stated[name] = None
        flow = Dataflow(fields, networks, stated, frozenset(tables.unknown_sources))
        for name, what in flow.problems.items():
            tables.report(("values", name), what)
        return cls(tables, flow)

    def node(self, stated: Any, key: Key, make: Callable[[Expression], Node]) -> Node | None:
        """The node of an expression; what is wrong with a value inside it was reported at that value."""
        expression = self.tables.expression(stated, key)
        if expression is not None:
            try:
                return make(expression)
            except NameProblem as problem:
                self.tables.report(key, str(problem))
            except KnownProblem:
                pass
        self._unbound.add(key)
        return None

    def is_bound(self, key: Key) -> bool:
        """Whether everything at ``key`` and below it is sound and bound to values."""
        return self.tables.is_sound(key) and not any(unbound[: len(key)] == key for unbound in self._unbound)

    def bindings(
        self, parameters: Mapping[str, inspect.Parameter], table: Mapping[str, Any], key: Key, known: list[str]
    ) -> dict[str, Node]:
        """What the parameters of a ``__call__`` are bound to; one annotated ``Function`` takes a composition.

        ``known`` are all keys that the table may have.
        """
        found: dict[str, Node] = {}
        misspelt = slips(table, known)
        for name, parameter in parameters.items():
            if name not in table:
                if is_required(parameter) and name not in misspelt:
                    what = f"{name!r} is missing: the value that {table.get('use')!r} reads there, as an expression"
                    self.tables.report(key, what)
                continue
            make = self.flow.function if annotation(parameter) == "Function" else self.flow.value
            node = self.node(table[name], (*key, name), make)
            if node is not None:
                found[name] = node
        return found

    def mentioned(self, stated: Any) -> set[str]:
        """The networks that ``stated``, some of which is wrong, may be meant to call."""
        networks, values = self.flow.networks, self.tables.table(("values",))
        found: set[str] = set()
        seen: set[str] = set()
        pending = [stated]
        while pending:
            for word in _words(pending.pop()):
                if word in seen:
                    continue
                seen.add(word)
                value = word if word in values else nearest(word, values)
                network = word if word in networks else nearest(word, networks)
                if value is not None and not self.tables.is_sound(("values", value)):
                    return set(networks)  # a text that is no expression may be meant to be any
                if value is not None:
                    pending.append(values[value])
                if network is not None:
                    found.add(network)
        return found


def _words(stated: Any) -> Iterator[str]:
    pending = [stated]
    while pending:
        each = pending.pop()
        if isinstance(each, str):
            yield from _WORD.findall(each)
        elif isinstance(each, dict):
            pending.extend(value for key, value in each.items() if key != "use")
        elif isinstance(each, list):
            pending.extend(each)
