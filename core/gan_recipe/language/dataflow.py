"""Values as nodes: the same expression is the same node, whatever names it was reached by."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from attrs import define, field

from gan_recipe.errors import did_you_mean
from gan_recipe.language.expression import HOLE, Call, Expression, Name, names_in

# Whatever walks down a value may recurse, autograd included; a round that is deeper than this is no round.
MAX_DEPTH = 200


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
    #: How many calls lie on the longest way down to a field.
    depth: int

    def __repr__(self) -> str:
        return self.label


class NameProblem(ValueError):
    """An expression names what does not exist, or what is not meant to stand there."""


class KnownProblem(Exception):
    """An expression cannot be had for a reason that is told elsewhere: at a value or a source of data that it reads."""


@define
class Dataflow:
    """Interns the nodes of one recipe."""

    #: The fields of the batch, as ``source.field``.
    fields: Collection[str]
    #: Their names; when there are none at all, that is the problem, and not every call.
    networks: Collection[str]
    #: What each value states; None for one whose text is no expression.
    stated: Mapping[str, Expression | None]
    #: Sources of data that could not tell their fields; ``*`` when not even the sources are known.
    unknown_sources: Collection[str] = ()
    #: The node of every sound value; none comes before one that it reads.
    values: dict[str, Node] = field(factory=dict, init=False)
    #: What is wrong with others, by value. One that merely reads a wrong one is not among them.
    problems: dict[str, str] = field(factory=dict, init=False)
    _interned: dict[tuple[str, tuple[int, ...] | None], Node] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        order, self.problems = _dependency_order(self.stated)
        labelled: set[Node] = set()
        for name in order:
            expression = self.stated[name]
            assert expression is not None, "only expressions have an order"
            try:
                node = self.value(expression)
            except NameProblem as problem:
                self.problems[name] = str(problem)
            except KnownProblem:
                continue
            else:
                self.values[name] = node
                if node not in labelled:
                    labelled.add(node)
                    node.label = name

    def value(self, expression: Expression) -> Node:
        """The node of an expression without a hole. Raises NameProblem, or KnownProblem."""
        node = self._node(expression)
        if node.open:
            raise NameProblem(f"{HOLE!r} stands for the input of a function, and this is a value")
        return node

    def function(self, expression: Expression) -> Node:
        """The open node of a composition such as ``verdict(trunk(_))`` or just ``critic``. As ``value`` raises."""
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
            if not self.networks:
                raise KnownProblem
            if expression.network not in self.networks:
                hint = did_you_mean(expression.network, self.networks)
                raise NameProblem(f"there is no network {expression.network!r}.{hint}")
            arguments = tuple(map(self._node, expression.arguments))
            return self._intern(expression.network, arguments, f"{expression.network}({_listed(arguments)})")
        if expression.name == HOLE:
            return self._intern(HOLE, None, HOLE)
        if expression.name in self.stated:
            if expression.name in self.values:
                return self.values[expression.name]
            raise KnownProblem
        return self._field(expression.name)

    def _field(self, name: str) -> Node:
        found = matching_fields(name, self.fields)
        if len(found) == 1:
            return self._intern(found[0], None, name)
        if found:
            raise NameProblem(ambiguous(name, found))
        if may_be_unknown(name, self.unknown_sources):
            raise KnownProblem
        if name in self.networks:
            raise NameProblem(f"{name!r} is a network, not a value; call it: {name}(...)")
        known = {*self.stated, *self.fields, *(full.partition(".")[2] for full in self.fields)}
        raise NameProblem(f"there is no value or field {name!r}.{did_you_mean(name, known)}")

    def _intern(self, name: str, arguments: tuple[Node, ...] | None, label: str) -> Node:
        key = (name, None if arguments is None else tuple(map(id, arguments)))
        node = self._interned.get(key)
        if node is None:
            below = arguments or ()
            depth = 1 + max(node.depth for node in below) if below else 0
            if depth > MAX_DEPTH:
                raise NameProblem(f"more than {MAX_DEPTH} calls lie between this value and the batch")
            networks: frozenset[str] = frozenset().union(*(node.networks for node in below))
            node = self._interned[key] = Node(
                name=name,
                arguments=arguments,
                networks=networks | {name} if arguments else networks,
                label=label,
                open=name == HOLE or any(node.open for node in below),
                depth=depth,
            )
        return node


def matching_fields(name: str, fields: Collection[str]) -> list[str]:
    """The fields that ``name`` may mean: itself, or, without a source, one of each source that has such a field."""
    return [name] if name in fields else sorted(full for full in fields if full.partition(".")[2] == name)


def may_be_unknown(name: str, unknown_sources: Collection[str]) -> bool:
    """Whether ``name`` may be a field of a source that could not tell its fields; ``*`` stands for any source."""
    source, dot, _ = name.partition(".")
    return "*" in unknown_sources or source in unknown_sources or (bool(unknown_sources) and not dot)


def ambiguous(name: str, found: Collection[str]) -> str:
    """What to tell when several sources have the field ``name``."""
    return f"several sources have a field {name!r}; write {' or '.join(sorted(found))}"


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


def _listed(nodes: Collection[Node]) -> str:
    return ", ".join(node.label for node in nodes)


def _dependency_order(stated: Mapping[str, Expression | None]) -> tuple[list[str], dict[str, str]]:
    """The values, each after those that it reads but for what is on a cycle, and what is wrong with each cycle.

    A cycle is told once, at the first of its values.
    """
    reads = {
        name: [read for read in names_in(expression) if read in stated]
        for name, expression in stated.items()
        if expression is not None
    }
    order: list[str] = []
    problems: dict[str, str] = {}
    done: set[str] = {name for name in stated if name not in reads}
    for first in reads:
        # The values being entered, outermost first, each with what it reads and has not been looked at yet.
        way = {first: iter(reads[first])} if first not in done else {}
        while way:
            name = next(reversed(way))
            read = next((read for read in way[name] if read not in done), None)
            if read is None:
                del way[name]
                done.add(name)
                order.append(name)
            elif read not in way:
                way[read] = iter(reads[read])
            else:
                cycle = list(way)[list(way).index(read) :]
                start = min(cycle, key=list(stated).index)
                turned = [*cycle[cycle.index(start) :], *cycle[: cycle.index(start)], start]
                problems[start] = f"the value depends on itself: {' -> '.join(turned)}"
                done.update(cycle)
                for broken in cycle:
                    del way[broken]
    return order, problems
