"""Docstrings and other people's words as Markdown: what looks like markup in them is shown, and never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

# A code span: as many backticks behind it as before it.
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)
_MARKUP = re.compile(r"([\\`*_{}\[\]#|~$])")
# What would make a heading, a list, a comment, a target or a block break of the first words of a line.
_OPENING = re.compile(r"^(\s*)([%+:=(>-])")


def escaped(text: str) -> str:
    """The text on one line, shown as it is."""
    line = _MARKUP.sub(r"\\\1", escape(" ".join(text.split()), quote=False))
    return _OPENING.sub(r"\1\\\2", line)


def prose(text: str) -> str:
    """A sentence or more, on one line, with its code spans."""
    parts: list[str] = []
    at = 0
    line = " ".join(text.split())
    for match in _CODE.finditer(line):
        parts += [_inner(line[at : match.start()]), code(match[2].strip())]
        at = match.end()
    told = "".join([*parts, _inner(line[at:])])
    return _OPENING.sub(r"\1\\\2", told)


def paragraphs(docstring: str) -> str:
    """A docstring: its paragraphs and lists, and as code what is indented."""
    told: list[str] = []
    for block in re.split(r"\n\s*\n", docstring.strip("\n")):
        lines = block.splitlines()
        if all(line.startswith("    ") for line in lines):
            told.append(fenced("\n".join(line[4:] for line in lines), "text"))
            continue
        items: list[list[str]] = []
        for line in lines:
            if re.match(r"\s*- ", line) or not items:
                items.append([])
            items[-1].append(line.strip())
        told.append("\n".join(_item(" ".join(item)) for item in items))
    return "\n\n".join(told)


def code(text: str) -> str:
    """A code span of any text."""
    if not text:
        return ""
    ticks = "`" * (max(map(len, re.findall(r"`+", text)), default=0) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{padding}{' '.join(text.split())}{padding}{ticks}"


def fenced(text: str, language: str) -> str:
    """A block of code of any text."""
    ticks = "`" * max(3, max(map(len, re.findall(r"`+", text)), default=0) + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def page(*parts: str) -> str:
    """A page: the parts that are not empty, an empty line between them."""
    return "\n\n".join(part for part in parts if part) + "\n"


def _inner(text: str) -> str:
    return _MARKUP.sub(r"\\\1", escape(text, quote=False))


def _item(line: str) -> str:
    return f"- {prose(line[2:])}" if line.startswith("- ") else prose(line)


def _cell(cell: str) -> str:
    # Within a table a bar ends the cell even in a code span.
    return re.sub(r"(?<!\\)\|", r"\\|", cell)
