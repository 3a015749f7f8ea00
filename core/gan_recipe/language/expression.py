"""Expressions of names and calls: ``decoder(encoder(image), noise)``.

There is nothing else in the language: no numbers, no operators, no keywords. What a recipe wants to compute is a
component, so that it has a name, settings and documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from attrs import frozen

from gan_recipe.components.toml_value import shortened

MAX_LENGTH = 2_000
MAX_DEPTH = 50
HOLE = "_"

_TOKEN = re.compile(r"\s*(?:(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)?)|(?P<sign>[(),])|(?P<end>\Z)|(?P<wrong>.))", re.ASCII)


@frozen
class Name:
    """A value, a field of the batch, or (alone, where a function is expected) a network."""

    name: str

    def __str__(self) -> str:
        return self.name


@frozen
class Call:
    """A network applied to expressions, in the order of its inputs."""

    network: str
    arguments: tuple[Expression, ...]

    def __str__(self) -> str:
        return f"{self.network}({', '.join(map(str, self.arguments))})"


Expression = Name | Call


class ExpressionError(ValueError):
    """The text is no expression; the message says where and what was expected."""


def parse(text: str) -> Expression:
    """Read one expression. Raises ExpressionError with the column."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"the expression has {len(text):,} characters; at most {MAX_LENGTH:,} are read. Name its parts in [values]"
        )
    tokens = _Tokens(text)
    expression = _expression(tokens, 0)
    if tokens.kind != "end":
        raise tokens.error("the end" if isinstance(expression, Call) else "'(' or the end")
    return expression


def names_in(expression: Expression) -> Iterator[str]:
    """The values and fields that an expression names; the networks that it calls are not among them."""
    if isinstance(expression, Name):
        yield expression.name
    else:
        for argument in expression.arguments:
            yield from names_in(argument)


class _Tokens:
    def __init__(self, text: str) -> None:
        self.text = text
        self._matches: Iterator[re.Match[str]] = _TOKEN.finditer(text)
        self.advance()

    def advance(self) -> None:
        match = next(self._matches)
        self.kind = str(match.lastgroup)
        self.token = match.group(self.kind)
        self.column = match.start(self.kind) + 1

    def error(self, expected: str) -> ExpressionError:
        found = repr(self.token) if self.kind != "end" else "the end"
        hint = ". An expression is made of names and calls alone, such as trunk(image)" if self.kind == "wrong" else ""
        place = f"{shortened(self.text)}: expected {expected} at column {self.column}"
        return ExpressionError(f"{place}, found {found}{hint}")


def _expression(tokens: _Tokens, depth: int) -> Expression:
    if depth > MAX_DEPTH:
        raise ExpressionError(f"calls are nested more than {MAX_DEPTH} deep; name their parts in [values]")
    if tokens.kind != "name":
        raise tokens.error("a name")
    name = tokens.token
    tokens.advance()
    if tokens.token != "(":
        return Name(name)
    tokens.advance()
    arguments = [_expression(tokens, depth + 1)]
    while tokens.token == ",":
        tokens.advance()
        arguments.append(_expression(tokens, depth + 1))
    if tokens.token != ")":
        raise tokens.error("',' or ')'")
    tokens.advance()
    return Call(name, tuple(arguments))
