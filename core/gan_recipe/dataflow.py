"""Values as nodes: the same expression is the same node, whatever names it was reached by."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from attrs import define, field

from gan_recipe.errors import did_you_mean
from gan_recipe.expression import HOLE, Call, Expression, Name


@define(eq=False, repr=False)
class Node:
    """A value of the round: a field of the batch, a network's output, or the hole of a function."""

    #: The name of a field (``source.field``) or of the network that is called; ``_`` for the hole.
    name: str
    #: What the network is called with; None for what is no call.
    arguments: tuple[Node, ...] | None
    #: Every network that the value depends on.
    networks: frozenset[str]
    #: How the value is shown to a person.
    label: str
    #: Whether the hole of a function is somewhere below.
    open: bool

    def __repr__(self) -> str:
        return self.label


class NameProblem(ValueError):
    """An expression names what does not exist, or what is not meant to stand there."""


@define
class Dataflow:
    """Interns the nodes of one recipe."""

    #: The fields of the batch, as ``source.field``.
    fields: Collection[str]
    networks: Collection[str]
    values: Mapping[str, Expression]
    _interned: dict[tuple[str, tuple[int, ...] | None], Node] = field(factory=dict, init=False)
    _values: dict[str, Node] = field(factory=dict, init=False)
    _open: list[str] = field(factory=list, init=False)

    def value(self, expression: Expression) -> Node:
        """The node of an expression without a hole. Raises NameProblem."""
        node = self._node(expression)
        if node.open:
            raise NameProblem(f"{HOLE!r} stands for the input of a function, and this is a value")
        return node

    def function(self, expression: Expression) -> Node:
        """The open node of a composition such as ``verdict(trunk(_))`` or just ``critic``. Raises NameProblem."""
        if isinstance(expression, Name) and expression.name in self.networks:
            expression = Call(expression.name, (Name(HOLE),))
        node = self._node(expression)
        if not node.open:
            raise NameProblem(
                f"expected a function with a hole, such as 'verdict(trunk({HOLE}))', not the value {node}"
            )
        return node

    def _node(self, expression: Expression) -> Node:
        if isinstance(expression, Call):
            return self._call(expression)
        name = expression.name
        if name == HOLE:
            return self._intern(HOLE, None, HOLE)
        if name in self.values:
            return self._value(name)
        matching = [full for full in self.fields if full == name or full.partition(".")[2] == name]
        if len(matching) == 1:
            return self._intern(matching[0], None, name)
        if matching:
            raise NameProblem(f"{name!r} is ambiguous: {', '.join(sorted(matching))}")
        if name in self.networks:
            raise NameProblem(f"{name!r} is a network, not a value; call it: {name}(...)")
        known = {*self.values, *self.fields, *(full.partition(".")[2] for full in self.fields)}
        raise NameProblem(f"there is no value or field {name!r}.{did_you_mean(name, known)}")

    def _call(self, call: Call) -> Node:
        if call.network not in self.networks:
            raise NameProblem(f"there is no network {call.network!r}.{did_you_mean(call.network, self.networks)}")
        arguments = tuple(map(self._node, call.arguments))
        return self._intern(call.network, arguments, f"{call.network}({', '.join(map(str, arguments))})")

    def _value(self, name: str) -> Node:
        if name in self._open:
            chain = " -> ".join([*self._open[self._open.index(name) :], name])
            raise NameProblem(f"the value depends on itself: {chain}")
        if name not in self._values:
            self._open.append(name)
            try:
                node = self._node(self.values[name])
            finally:
                self._open.pop()
            node.label = name
            self._values[name] = node
        return self._values[name]

    def _intern(self, name: str, arguments: tuple[Node, ...] | None, label: str) -> Node:
        key = (name, None if arguments is None else tuple(id(argument) for argument in arguments))
        if key not in self._interned:
            below = arguments or ()
            networks: frozenset[str] = frozenset().union(*(node.networks for node in below))
            self._interned[key] = Node(
                name=name,
                arguments=arguments,
                networks=networks | {name} if arguments else networks,
                label=label,
                open=name == HOLE or any(node.open for node in below),
            )
        return self._interned[key]


def below(nodes: Collection[Node]) -> Iterator[Node]:
    """The nodes and everything that they are computed from, each once, inputs before what reads them."""
    seen: set[int] = set()
    pending = [(node, False) for node in reversed(list(nodes))]
    while pending:
        node, entered = pending.pop()
        if id(node) in seen:
            continue
        if entered or not node.arguments:
            seen.add(id(node))
            yield node
        else:
            pending.append((node, True))
            pending.extend((argument, False) for argument in reversed(node.arguments))
