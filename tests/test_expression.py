"""The language of values: names and calls, printed and read back, and refused with the place."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_recipe.language.expression import (
    MAX_DEPTH,
    MAX_LENGTH,
    Call,
    Expression,
    ExpressionError,
    Name,
    names_in,
    parse,
)

words = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
names = st.one_of(words, st.tuples(words, words).map(".".join)).map(Name)
expressions: st.SearchStrategy[Expression] = st.recursive(
    names, lambda inner: st.builds(Call, words, st.lists(inner, min_size=1, max_size=3).map(tuple)), max_leaves=12
)
spaces = st.sampled_from(["", " ", "\n", "\t  "])


def spaced(expression: Expression, space: str) -> str:
    """The expression with ``space`` between all of its tokens."""
    if isinstance(expression, Name):
        return expression.name
    inner = f"{space},{space}".join(spaced(argument, space) for argument in expression.arguments)
    return f"{expression.network}{space}({space}{inner}{space})"


@given(expressions, spaces)
def test_what_is_printed_reads_back_as_the_same(expression: Expression, space: str) -> None:
    """However it is spaced; and printing is a function of the meaning alone."""
    assert parse(str(expression)) == expression
    assert str(parse(space + spaced(expression, space) + space)) == str(expression)


@given(expressions)
def test_the_names_of_an_expression_are_those_that_stand_where_values_stand(expression: Expression) -> None:
    """In order, networks left out: what remains of the text when every word before a bracket goes."""
    words_of_text = str(expression).replace("(", " ( ").replace(",", " ").replace(")", " ").split()
    following = [*words_of_text[1:], ""]
    expected = [w for w, after in zip(words_of_text, following, strict=True) if w != "(" and after != "("]
    assert list(names_in(expression)) == expected


@settings(max_examples=300)
@given(st.one_of(st.text(max_size=20), st.text("ab_.(), 2", max_size=20)))
def test_any_text_is_an_expression_or_refused_as_one(text: str) -> None:
    """There is no third outcome, and what is accepted prints as itself but for spaces."""
    try:
        expression = parse(text)
    except ExpressionError:
        return
    assert "".join(str(expression).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "expected a name at column 1, found the end"),
        ("a b", "expected '(' or the end at column 3, found 'b'"),
        ("f(a) b", "expected the end at column 6, found 'b'"),
        ("f(", "expected a name at column 3, found the end"),
        ("f()", "expected a name at column 3, found ')'"),
        ("f(a,)", "expected a name at column 5, found ')'"),
        ("f(a b)", "expected ',' or ')' at column 5, found 'b'"),
        ("f(a))", "expected the end at column 5, found ')'"),
        ("2 * a", "expected a name at column 1, found '2'. An expression is made of names and calls alone"),
        ("a + b", "expected '(' or the end at column 3, found '+'. An expression is made of names and calls alone"),
        ("a.b.c", "expected '(' or the end at column 4, found '.'"),
        ("fé", "expected '(' or the end at column 2, found 'é'"),
    ],
)
def test_what_is_no_expression_is_told_with_its_column(text: str, told: str) -> None:
    """What was expected, where, and what was found instead."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert told in str(caught.value)


def test_length_and_depth_are_bounded() -> None:
    """MAX_DEPTH calls within each other are read, one more is refused; so is a long text, at once."""
    assert parse("f(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH)
    with pytest.raises(ExpressionError, match=r"more than 50 deep; name their parts in \[values\]"):
        parse("f(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1))
    assert parse("a" * MAX_LENGTH)
    for long in ("a" * (MAX_LENGTH + 1), "(" * 1_000_000, "f(" * 1_000_000):
        began = time.process_time()
        with pytest.raises(ExpressionError, match="at most 2,000 are read"):
            parse(long)
        assert time.process_time() - began < 0.1
