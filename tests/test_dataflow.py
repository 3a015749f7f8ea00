"""Values as nodes: equal expressions are one node, and what is wrong is told once."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.language.dataflow import Dataflow, KnownProblem, NameProblem, Node, below
from gan_recipe.language.expression import Call, Expression, Name, names_in, parse

FIELDS = ["faces.image", "faces.label", "noise.z"]
NETWORKS = ["f", "g", "h"]


def flow(**values: str) -> Dataflow:
    return Dataflow(FIELDS, NETWORKS, {name: parse(text) for name, text in values.items()})


def expand(expression: Expression, values: dict[str, Expression]) -> Expression:
    """The reference: every name of a value replaced by what it states, fields by their full names."""
    if isinstance(expression, Call):
        return Call(expression.network, tuple(expand(argument, values) for argument in expression.arguments))
    if expression.name in values:
        return expand(values[expression.name], values)
    return Name(next(full for full in FIELDS if expression.name in (full, full.partition(".")[2])))


def meaning(node: Node) -> Expression:
    """A node as the expression over full names of fields that it stands for."""
    return Name(node.name) if node.arguments is None else Call(node.name, tuple(map(meaning, node.arguments)))


leaves = st.sampled_from(["image", "faces.image", "label", "z", "noise.z"]).map(Name)
plain = st.recursive(
    leaves,
    lambda inner: st.builds(Call, st.sampled_from(NETWORKS), st.lists(inner, min_size=1, max_size=2).map(tuple)),
    max_leaves=6,
)


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, Expression]:
    """Values that read only values drawn before them, stated in any order."""
    stated: dict[str, Expression] = {}
    for index in range(draw(st.integers(1, 6))):
        expression = draw(plain)
        if stated and draw(st.booleans()):
            other = Name(draw(st.sampled_from(sorted(stated))))
            expression = draw(st.sampled_from([other, Call("f", (other, expression)), Call("g", (other,))]))
        stated[f"v{index}"] = expression
    return dict(draw(st.permutations(list(stated.items()))))


@given(acyclic())
def test_values_are_one_node_exactly_when_they_mean_the_same(values: dict[str, Expression]) -> None:
    """Against plain substitution: the meaning is right, and equal meanings are the same object."""
    made = Dataflow(FIELDS, NETWORKS, values)
    assert not made.problems and set(made.values) == set(values)
    for name, node in made.values.items():
        assert meaning(node) == expand(Name(name), values)
        assert node.networks == {n.name for n in below([node]) if n.arguments is not None}
        for other, node2 in made.values.items():
            assert (node is node2) == (expand(Name(name), values) == expand(Name(other), values))
        # None comes before one that it reads.
        order = list(made.values)
        assert all(order.index(read) < order.index(name) for read in names_in(values[name]) if read in values)


@given(acyclic())
def test_inputs_come_before_what_reads_them(values: dict[str, Expression]) -> None:
    """``below`` gives every node once, each after all of its arguments."""
    seen: list[Node] = []
    for node in below(list(Dataflow(FIELDS, NETWORKS, values).values.values())):
        assert node not in seen
        assert all(argument in seen for argument in node.arguments or ())
        seen.append(node)


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefz"), min_size=1, max_size=2)))
def test_the_values_that_fail_are_those_that_reach_a_cycle(reads: dict[str, list[str]]) -> None:
    """Against reachability by brute force; each cycle found is told once, at a value that lies on it."""
    stated = {name: Call("f", tuple(map(Name, read))) for name, read in reads.items()}
    made = Dataflow(["noise.z", *(f"x.{n}" for n in "abcdef" if n not in stated)], ["f"], stated)

    def reached(name: str) -> set[str]:
        found: set[str] = set()
        pending = [name]
        while pending:
            for read in reads.get(pending.pop(), []):
                if read in reads and read not in found:
                    found.add(read)
                    pending.append(read)
        return found

    cyclic = {name for name in reads if name in reached(name)}
    assert set(made.values) == {name for name in reads if not (reached(name) | {name}) & cyclic}
    assert set(made.problems) <= cyclic
    assert bool(made.problems) == bool(cyclic)
    for name, what in made.problems.items():
        way = what.removeprefix("the value depends on itself: ").split(" -> ")
        assert way[0] == way[-1] == name
        assert all(after in reads[before] for before, after in pairwise(way))


def test_labels_are_what_the_recipe_calls_a_value() -> None:
    """A value is shown by its name, what it is built from by its expression; of two names the first counts."""
    made = flow(fake="g(z)", twin="g(z)", score="f(h(fake))")
    assert str(made.values["twin"]) == "fake"
    score = made.values["score"]
    assert score.arguments is not None
    assert str(score) == "score" and str(score.arguments[0]) == "h(fake)"


def test_a_function_is_an_open_node() -> None:
    """``f`` alone means ``f(_)``; values inside a composition stay closed."""
    made = flow(seen="h(image)")
    assert made.function(parse("f")) is made.function(parse("f(_)"))
    node = made.function(parse("f(g(_), seen)"))
    assert node.open and node.arguments is not None
    assert [argument.open for argument in node.arguments] == [True, False]
    with pytest.raises(NameProblem, match="expected a function with a hole"):
        made.function(parse("f(image)"))
    with pytest.raises(NameProblem, match="'_' stands for the input of a function"):
        made.value(parse("f(_)"))


def test_an_ambiguous_field_needs_its_source() -> None:
    """Two sources with one field: the bare name is refused with both, the full ones are different nodes."""
    made = Dataflow(["a.image", "b.image"], ["f"], {})
    with pytest.raises(NameProblem, match=r"several sources have a field 'image'; write a\.image or b\.image"):
        made.value(parse("f(image)"))
    assert made.value(parse("a.image")) is not made.value(parse("b.image"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("imagge", "there is no value or field 'imagge'. Did you mean 'image'?"),
        ("faces.imagge", "Did you mean 'faces.image'?"),
        ("ff(image)", "there is no network 'ff'. Did you mean 'f'?"),
        ("f(g)", "'g' is a network, not a value; call it: g(...)"),
    ],
)
def test_a_wrong_name_is_told_with_the_nearest(text: str, told: str) -> None:
    """In an expression, and in a value at the value."""
    with pytest.raises(NameProblem) as caught:
        flow().value(parse(text))
    assert told in str(caught.value)
    made = flow(broken=text, reader="f(broken)")
    assert set(made.problems) == {"broken"} and not made.values
    with pytest.raises(KnownProblem):
        made.value(parse("g(reader)"))


def test_fields_of_a_source_that_cannot_tell_them_are_not_called_wrong() -> None:
    """Neither with that source's name nor bare; those of another source still are."""
    made = Dataflow(FIELDS, NETWORKS, {}, unknown_sources=["photos"])
    for text in ("photos.image", "anything"):
        with pytest.raises(KnownProblem):
            made.value(parse(text))
    with pytest.raises(NameProblem):
        made.value(parse("faces.anything"))
