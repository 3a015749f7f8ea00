"""TOML with lines: values are those that tomllib reads, every key has its line, and mistakes are told at theirs."""

from __future__ import annotations

import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.components.toml_value import as_key
from gan_recipe.errors import RecipeError
from gan_recipe.language.toml_file import MAX_BYTES, MAX_DEPTH, MAX_KEYS, Key, read_toml

# --------------------------------------------------------------------------------------------------- random documents

names = st.one_of(st.from_regex(r"[a-z0-9_-]{1,4}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=4))
spaces = st.sampled_from(["", " ", "\t", "  "])
comments = st.sampled_from(["", "  # x = 1", '# """', "#'", "# [a]\t"])
breaks = st.lists(comments, max_size=2).map(lambda lines: "".join(f"{line}\n" for line in lines))
numbers = ["1", "-1_000", "0xff", "1.5e-3", "inf", "true", "1979-05-27 07:32:00", "07:32:00"]
strings = [
    '""',
    "''",
    r'"a\"b = 1 # \\"',
    "'[x] = {\"'",
    '"""\nx = 1\n"""',
    "'''\n\n[t]\n'''",
    '"""a""b"""""',
    r'"""\""""""',
    "''''a'''''",
    '"]}"',
]
scalars = st.sampled_from(numbers + strings)


class Document:
    """A document under construction, with the line on which each key was first written."""

    def __init__(self) -> None:
        self.text = ""
        self.lines: dict[Key, int] = {}

    def write(self, text: str) -> None:
        self.text += text

    def key(self, prefix: Key, parts: list[str], between: str) -> Key:
        for index, part in enumerate(parts):
            self.write(f"{between}.{between}" if index else "")
            self.write(f"'{part}'" if part.isdigit() else as_key(part))
            prefix = (*prefix, part)
            self.lines.setdefault(prefix, self.text.count("\n") + 1)
        return prefix


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Valid documents, for no key is written twice: tables, dotted and quoted keys, values over many lines."""
    document = Document()
    used: set[str] = set()

    def fresh() -> str:
        name = draw(names.filter(lambda name: name not in used))
        used.add(name)
        return name

    def value(prefix: Key, depth: int) -> None:
        kind = draw(st.sampled_from(["scalar", "scalar", "array", "table"] if depth else ["scalar"]))
        if kind == "scalar":
            document.write(draw(scalars))
        elif kind == "array":
            document.write("[")
            for _ in range(draw(st.integers(0, 3))):
                document.write(draw(breaks))
                value(prefix, depth - 1)
                document.write(draw(breaks) + ",")
            document.write(draw(breaks) + "]")
        else:
            document.write("{")
            for index in range(draw(st.integers(0, 2))):
                document.write(draw(spaces) + ("," if index else "") + draw(spaces))
                statement(prefix, depth - 1)
            document.write(draw(spaces) + "}")

    def statement(prefix: Key, depth: int) -> None:
        parts = [fresh() for _ in range(draw(st.integers(1, 3)))]
        key = document.key(prefix, parts, draw(spaces))
        document.write(draw(spaces) + "=" + draw(spaces))
        value(key, depth)

    prefix: Key = ()
    for _ in range(draw(st.integers(1, 6))):
        document.write(draw(breaks) + draw(spaces))
        if draw(st.booleans()):
            left, right = draw(st.sampled_from([("[", "]"), ("[[", "]]")]))
            document.write(left + draw(spaces))
            prefix = document.key((), [fresh() for _ in range(draw(st.integers(1, 2)))], draw(spaces))
            document.write(draw(spaces) + right)
        else:
            statement(prefix, 2)
        document.write(draw(comments) + draw(st.sampled_from(["\n", "\r\n"])))
    return document


def keys_of(values: Any, at: Key = ()) -> set[Key]:
    """Every key of what tomllib read; elements of arrays add nothing to their array's key."""
    if isinstance(values, dict):
        return {key for name, inner in values.items() for key in ({(*at, name)} | keys_of(inner, (*at, name)))}
    return {key for inner in values for key in keys_of(inner, at)} if isinstance(values, list) else set()


@given(documents())
def test_every_key_has_the_line_on_which_it_was_written(document: Document) -> None:
    """For any valid document: the values are tomllib's, and the lines those that the writer counted."""
    from gan_recipe.language.toml_file import _Scan

    assert dict(reversed(list(_Scan(document.text).found()))) == document.lines
    assert keys_of(tomllib.loads(document.text)) == set(document.lines)


def test_the_shipped_recipes_read_as_tomllib_reads_them() -> None:
    """On every shipped recipe: the same values, and each key's line holds the last part of the key."""
    recipes = sorted((Path(__file__).parents[1] / "recipes").rglob("*.toml"))
    assert recipes
    for path in recipes:
        values, lines = read_toml(path, path.name)
        text = path.read_text()
        assert values == tomllib.loads(text)
        assert set(lines) == keys_of(values)
        for key, line in lines.items():
            assert key[-1] in text.split("\n")[line - 1]


def test_of_several_lines_that_speak_of_a_table_the_first_is_its_line(tmp_path: Path) -> None:
    """Dotted keys and headers alike."""
    path = tmp_path / "x.toml"
    path.write_text("a.x = 1\na.y = 2\n[b]\n[c.d]\n[c.e]\n[[f]]\ng = 1\n[[f]]\ng = 2\n")
    _, lines = read_toml(path, "x.toml")
    assert {".".join(key): line for key, line in lines.items()} == {
        "a": 1, "a.x": 1, "a.y": 2, "b": 3, "c": 4, "c.d": 4, "c.e": 5, "f": 6, "f.g": 7
    }  # fmt: skip


# --------------------------------------------------------------------------------------------------- refusals


def refused(tmp_path: Path, source: bytes | str) -> str:
    path = tmp_path / "x.toml"
    path.write_bytes(source.encode() if isinstance(source, str) else source)
    with pytest.raises(RecipeError) as caught:
        read_toml(path, "x.toml")
    assert len(caught.value.problems) == 1
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("a = 1\nb = = 2\n", 2, "b = = 2"),
        ("a = 1\n\nb = yes\n", 3, "b = yes"),
        ("[a]\nx = 1\nx = 2\n", 3, "x = 2"),
        ("[a]\n[b]\n[a]\n", 3, "[a]"),
        ('a = 1\nb = "x\nc = 2\n', 2, 'b = "x'),
        ("a = [1,\n2\nb = 3\n", 3, "b = 3"),
        ("a = 1\nb = [1,\n2\n\n\n", 3, "2"),
        ("a = 1\n\nb = {x = 1,\n y = 2}\n", 3, "b = {x"),
        ('a = """\n\n', 1, "a = "),
        ("a = " + "9" * 5000 + "\n", 1, "too long"),
    ],
)
def test_what_is_no_toml_is_told_with_its_line(tmp_path: Path, text: str, line: int, told: str) -> None:
    """The line is that of the mistake, and the message shows it."""
    message = refused(tmp_path, text)
    assert message.startswith(f"x.toml:{line}: ")
    assert told in message.replace('\\"', '"')


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "1e999", str(2**63)])
def test_a_number_that_nothing_can_be_set_to_is_told_with_its_key(tmp_path: Path, number: str) -> None:
    """TOML can write nan, inf and any integer; no setting can hold them, wherever they stand."""
    message = refused(tmp_path, f"a = 1\n[b]\nc = [{{ d = 1 }}, {{ d = {number} }}]\n")
    assert message.startswith("x.toml:3: b.c.d: ")


def test_encodings_are_told_with_the_line(tmp_path: Path) -> None:
    """Latin-1, UTF-16 and a byte order mark: the line, the byte and the cure."""
    assert refused(tmp_path, b"# ok\na = 'caf\xe9'\n").startswith("x.toml:2: byte 0xe9 is no UTF-8")
    assert refused(tmp_path, "a = 1\n".encode("utf-16")).startswith("x.toml:1: byte 0xff is no UTF-8")
    assert refused(tmp_path, b"\xef\xbb\xbfa = 1\n").startswith("x.toml:1: the file starts with a byte order mark")


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A missing file and a folder."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(RecipeError, match=r"no such file|cannot be read"):
            read_toml(path, "x")


def _bomb(unit: str, size: int = MAX_BYTES) -> str:
    return unit * (size // len(unit))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("500 nested arrays", "x = " + "[" * 500 + "]" * 500),
        ("500 nested tables", "x = " + "{a=" * 500 + "1" + "}" * 500),
        ("500 nested tables in arrays", "x = " + "[{a=" * 500),
        ("a dotted key of 200 KB", "a." * 100_000 + "b = 1"),
        ("a dotted key as long as a file may be", _bomb("a.", MAX_BYTES - 10) + "b = 1"),
        ("a dotted table as long as a file may be", "[" + _bomb("a.", MAX_BYTES - 10) + "b]"),
        ("a dotted key in a table in an array", "x = [{" + _bomb("a.", MAX_BYTES - 20) + "b = 1}]"),
        ("dots with spaces", _bomb("a . ", MAX_BYTES - 10) + "b = 1"),
        ("a file that is too large", _bomb("a = 1\n", 10_000_000)),
        ("many keys", "\n".join(f"a{i} = 1" for i in range(MAX_KEYS + 1))),
        ("open brackets", _bomb("[")),
        ("open braces", _bomb("{")),
        ("an endless string", "a = '''" + _bomb("a", MAX_BYTES - 20)),
        ("an endless string of quotes", 'a = """' + _bomb('\\"', MAX_BYTES - 20)),
        ("two quotes again and again", 'a = """' + _bomb('""a', MAX_BYTES - 20)),
        ("equals signs", _bomb("a = 'b' = ")),
        ("garbage", _bomb("= = ] } \n")),
        ("dots", "a = " + _bomb("1.", MAX_BYTES - 20)),
        ("carriage returns", _bomb("\r")),
        ("zero bytes", _bomb("\0")),
    ],
)
def test_a_hostile_file_is_refused_fast(tmp_path: Path, name: str, text: str) -> None:
    """Whatever is too large, too deep or endless is refused within 0.1 CPU seconds, and never by a RecursionError."""
    path = tmp_path / "x.toml"
    path.write_text(text, newline="")
    fastest = 1.0
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(RecipeError):
            read_toml(path, "x.toml")
        fastest = min(fastest, time.process_time() - began)
    assert fastest < 0.1


@pytest.mark.parametrize(
    ("shape", "line"), [("x = {deep}", 3), ("[{dotted}]\nx = 1", 4), ("{dotted}.x = 1", 3), ("[a]\n{dotted} = 1", 4)]
)
def test_depth_is_refused_where_it_begins_and_not_before(tmp_path: Path, shape: str, line: int) -> None:
    """A key of MAX_DEPTH parts is read, one of more is refused at the line that makes it one."""

    def text(depth: int) -> str:
        dotted = ".".join("a" * (depth - 1))
        return "\n\n" + shape.format(dotted=dotted, deep="{a=" * (depth - 1) + "1" + "}" * (depth - 1))

    path = tmp_path / "x.toml"
    path.write_text(text(MAX_DEPTH))
    assert max(map(len, read_toml(path, "x.toml")[1])) == MAX_DEPTH
    assert refused(tmp_path, text(MAX_DEPTH + 1)).startswith(f"x.toml:{line}: ")
