"""Docstrings and comments as paragraphs of a terminal's width."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

# Longer lines are hard to read, however wide the terminal.
_WIDEST = 110
_NARROWEST = 16


def width() -> int:
    """The columns to write in."""
    if not sys.stdout.isatty():
        return _WIDEST
    import shutil

    return min(shutil.get_terminal_size().columns, _WIDEST)


def page_width() -> int:
    """The columns for a page that is laid out: the terminal's, and those of the narrowest elsewhere."""
    return width() if sys.stdout.isatty() else 80


def reflowed(docstring: str, width: int) -> str:
    """The text with its paragraphs and list items filled anew; what is indented otherwise stays as it is."""
    import textwrap

    return "\n".join(
        textwrap.fill(text, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
        if fill
        else text
        for text, hang, fill in _blocks(docstring.replace("``", "`"))
    )


def in_columns(rows: list[tuple[str, str]], width: int | None) -> Iterator[str]:
    """Two columns, the second filled to ``width``; without one, each row is one line.

    Where that leaves the second too narrow to read, it stands below the first.
    """
    left = max((len(name) for name, _ in rows), default=0)
    if width is not None and width - left - 4 < _NARROWEST:
        for name, text in rows:
            yield f"  {name.rstrip()}"
            yield _hanging("    ", text, width)
        return
    for name, text in rows:
        start = f"  {name:{left}}  "
        yield start + text if width is None else _hanging(start, text, width)


def _hanging(start: str, text: str, width: int) -> str:
    import textwrap

    return textwrap.fill(text, width, initial_indent=start, subsequent_indent=" " * len(start), break_long_words=False)


def _blocks(docstring: str) -> Iterator[tuple[str, str, bool]]:
    """Each paragraph or list item on one line, its hanging indent, and whether it may be filled."""
    gathered = hang = ""
    for line in docstring.splitlines():
        item = re.match(r"(\s*)- ", line)
        indent = re.match(r"\s*", line)
        assert indent is not None, "any line matches"
        if gathered and line.strip() and item is None and indent[0] == hang:
            gathered += " " + line.strip()
            continue
        if gathered:
            yield gathered, hang, True
            gathered = ""
        if item:
            gathered, hang = line, item[1] + "  "
        elif line.strip() and not indent[0]:
            gathered, hang = line, ""
        else:
            yield line, "", False
    if gathered:
        yield gathered, hang, True
