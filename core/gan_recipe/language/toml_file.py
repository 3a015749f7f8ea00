"""A TOML file as values and, for every key, the line that states it.

``tomllib`` reads the values and knows no positions. A scan before it finds the keys and their lines; it understands
just enough of TOML to skip values, and bounds depth and dotted keys before ``tomllib``, which recurses, sees the text.
What the scan cannot understand it leaves to ``tomllib`` to refuse.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from gan_recipe.components.toml_value import as_key, shortened
from gan_recipe.errors import Problem, RecipeError

# A recipe has some hundred keys in a few thousand bytes. At these bounds the worst text is refused within 0.1 s.
MAX_BYTES = 100_000
MAX_DEPTH = 16
MAX_KEYS = 5_000

Key = tuple[str, ...]


def read_toml(path: Path, shown: str) -> tuple[dict[str, Any], dict[Key, int]]:
    """The values of the file and the line (from 1) of every key; elements of arrays are not keys.

    ``shown`` is how errors name the file. Raises RecipeError for whatever keeps the file from being read.
    """

    def refuse(what: str, line: int | None = None) -> RecipeError:
        return RecipeError([Problem(shown if line is None else f"{shown}:{line}", "", what)])

    try:
        with path.open("rb") as file:
            source = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise refuse("no such file") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}") from None
    if len(source) > MAX_BYTES:
        raise refuse(f"the file is larger than {MAX_BYTES:,} bytes; a recipe is a short text")
    if source.startswith(b"\xef\xbb\xbf"):
        raise refuse("the file starts with a byte order mark; save it as UTF-8 without one", 1)
    try:
        text = source.decode("utf-8")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise refuse(f"byte {source[error.start]:#04x} is no UTF-8; save the file as UTF-8", line) from None

    lines: dict[Key, int] = {}
    for key, line in _Scan(text).found():
        if len(key) > MAX_DEPTH:
            raise refuse(f"this is nested more than {MAX_DEPTH} deep; no recipe needs that", line)
        lines.setdefault(key, line)
        if len(lines) > MAX_KEYS:
            raise refuse(f"the file states more than {MAX_KEYS:,} keys; split the recipe", line)
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, line = _told(error, text)
        raise refuse(what, line) from None
    except RecursionError:
        raise refuse("brackets are nested too deep", _line_with_most("[{", text)) from None
    except ValueError:  # Python converts no number of more than 4,300 digits
        raise refuse("this is no TOML: a number is too long", _line_with_most("0123456789", text)) from None
    if problems := [
        Problem(f"{shown}:{lines.get(key, 1)}", ".".join(map(as_key, key)), what)
        for key, what in value_problems(values)
    ]:
        raise RecipeError(problems)
    return values, lines


def value_problems(values: Any, at: Key = ()) -> Iterator[tuple[Key, str]]:
    """What nothing in a recipe can be set to, although TOML can hold it: by key, what is wrong."""
    pending: list[tuple[Key, Any, int]] = [(at, values, len(at))]
    while pending:
        key, value, depth = pending.pop()
        if isinstance(value, (dict, list)) and depth > 2 * MAX_DEPTH:
            yield key, f"this is nested more than {MAX_DEPTH} deep; no recipe needs that"
        elif isinstance(value, dict):
            pending.extend(((*key, name), inner, depth + 1) for name, inner in value.items())
        elif isinstance(value, list):
            pending.extend((key, inner, depth + 1) for inner in value)
        elif isinstance(value, float) and not math.isfinite(value):
            yield key, f"{value} is not a finite number"
        elif isinstance(value, int) and abs(value) >= 2**63:
            yield key, "the number does not fit 64 bits"


def _told(error: tomllib.TOMLDecodeError, text: str) -> tuple[str, int]:
    """What is wrong, with the line of text that shows it, and that line's number."""
    # The message ends with "(at line 3, column 7)" or "(at end of document)".
    message, _, place = str(error).rpartition(" (at ")
    found = [int(word.rstrip(",)")) for word in place.split() if word.rstrip(",)").isdigit()]
    line = found[0] if found else text.rstrip().count("\n") + 1
    stated = text.split("\n")[line - 1].strip()
    return f"this is no TOML: {message}: {shortened(stated)}" if stated else f"this is no TOML: {message}", line


def _line_with_most(characters: str, text: str) -> int:
    counts = [sum(map(line.count, characters)) for line in text.split("\n")]
    return counts.index(max(counts)) + 1


# What a scan steps over. A multi-line string may hold one or two quotes anywhere, also before those that end it.
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*+")
_SPACE = re.compile(r"[ \t]*+")
_BARE = re.compile(r"[A-Za-z0-9_-]++")
_BASIC = re.compile(r'"(?:[^"\\\n]|\\.)*+"')
_LITERAL = re.compile(r"'[^'\n]*+'")
_MANY_BASIC = re.compile(r'"""(?:[^"\\]|\\[\s\S]|"{1,2}(?!"))*+"{3,5}')
_MANY_LITERAL = re.compile(r"'''(?:[^']|'{1,2}(?!'))*+'{3,5}")
_SCALAR = re.compile(r"[^\s,\]\[{}#=\"']++(?: [0-9][^\s,\]\[{}#=\"']*+)?+")


class _Unexpected(Exception):
    """The text is not TOML here, or more of it than the scan knows."""


class _Scan:
    """One pass over the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._counted, self._line = 0, 1

    def found(self) -> Iterator[tuple[Key, int]]:
        """Every key with its line, in order; who finds one too deep asks for no more."""
        table: Key = ()
        try:
            while self._skip(_BLANK) < len(self._text):
                if self._text[self._at] == "[":
                    doubled = self._text.startswith("[[", self._at)
                    self._at += 2 if doubled else 1
                    table = yield from self._key(())
                    self._expect("]]" if doubled else "]")
                else:
                    key = yield from self._key(table)
                    self._expect("=")
                    yield from self._value(key)
        except _Unexpected:
            return

    def _value(self, key: Key) -> Iterator[tuple[Key, int]]:
        """Step over a value; the tables in it have keys."""
        around: list[tuple[str, Key]] = []  # what is open: the bracket that closes it, and the key of what it holds
        while True:
            self._skip(_BLANK if around else _SPACE)
            here = self._text[self._at : self._at + 1]
            if around and here in (around[-1][0], ","):
                self._at += 1
                if here != ",":
                    around.pop()
            elif around and around[-1][0] == "}" and key == around[-1][1]:
                key = yield from self._key(key)
                self._expect("=")
                continue
            elif here in ("[", "{"):
                self._at += 1
                around.append(("]" if here == "[" else "}", key))
                if len(around) > 2 * MAX_DEPTH:
                    yield ("…",) * (MAX_DEPTH + 1), self._line_here()
                    raise _Unexpected
            else:
                self._scalar()
            if not around:
                return
            key = around[-1][1]

    def _key(self, prefix: Key) -> Generator[tuple[Key, int], None, Key]:
        """A dotted key below ``prefix``: each of its parts is a key of its own."""
        while True:
            self._skip(_SPACE)
            part = self._match(_BASIC, _LITERAL, _BARE)
            prefix = (*prefix, part if part[0] not in "\"'" else _unquoted(part))
            yield prefix, self._line_here()
            self._skip(_SPACE)
            if not self._text.startswith(".", self._at):
                return prefix
            self._at += 1

    def _scalar(self) -> None:
        self._match(_MANY_BASIC, _MANY_LITERAL, _BASIC, _LITERAL, _SCALAR)

    def _match(self, *patterns: re.Pattern[str]) -> str:
        for pattern in patterns:
            if found := pattern.match(self._text, self._at):
                self._at = found.end()
                return found[0]
        raise _Unexpected

    def _expect(self, sign: str) -> None:
        self._skip(_SPACE)
        if not self._text.startswith(sign, self._at):
            raise _Unexpected
        self._at += len(sign)

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return self._at

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line


def _unquoted(part: str) -> str:
    try:
        return next(iter(tomllib.loads(f"{part} = 0")))
    except tomllib.TOMLDecodeError:
        raise _Unexpected from None
