"""The runs as a Markdown page. Whatever a name, a note or a figure holds is shown as it is, never obeyed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gan_recipe.errors import harmless
from gan_recipe.runs.history import Entry, ending

# What Markdown (CommonMark, GitHub's tables, strikethrough and formulas) or HTML gives a meaning to within a line.
_MARKS = re.compile(r"([\\`*_{}\[\]<>&|~$!#])")
# And at the beginning of one: lists, rules and underlines.
_BEGINNING = re.compile(r"^(\d+(?=[.)](?:\s|$))|(?=[+\-=:]))")


def notebook_page(entries: Iterable[Entry]) -> str:
    """A heading, and a section for each run."""
    sections = ["\n".join(_section(entry)) for entry in entries]
    return "\n\n".join(["# Runs", *(sections or ["None yet."])]) + "\n"


def escaped(text: str) -> str:
    """A text as a line of Markdown that reads as that text."""
    return _BEGINNING.sub(r"\1\\", _MARKS.sub(r"\\\1", harmless(text).strip()))


def _section(entry: Entry) -> Iterator[str]:
    yield f"## {escaped(entry.run.name)}"
    yield ""
    yield escaped(ending(entry) + (f", begun {entry.when} UTC" if entry.when else ""))
    if entry.why:
        yield ""
        yield f"Why: {escaped(entry.why)}"
    for parent, networks in entry.parents.items():
        yield ""
        yield f"From {escaped(parent)}: {escaped(', '.join(networks))}"
    for other, changes in entry.changes.items():
        yield ""
        if not changes:
            yield f"Against {escaped(other)}, nothing changed."
            continue
        rows = []
        for change in changes:
            before, after = change.told
            rows.append([change.name, before or "", after or ""])
        yield from _rows([f"against {other}", "before", "after"], rows)
    if entry.figures:
        yield ""
        rows = [[name, _figure(entry.baseline.get(name)), _figure(value)] for name, value in entry.figures.items()]
        yield from _rows(["figure", "before", "after"], rows)
    for recovery in entry.recoveries:
        yield ""
        yield f"Recovery: {escaped(recovery)}"
    for verdict in entry.verdicts:
        yield ""
        yield f"Doctor, round {verdict.round:,}: {escaped(verdict.verdict)}: {escaped(verdict.told)}"
        for number, treatment in enumerate(verdict.treatments):
            yield from ("", "Or with") * bool(number)
            yield ""
            yield from (f"- {escaped(line)}" for line in treatment)
    for note in entry.notes:
        first, *more = note.text.splitlines()
        yield ""
        yield "\\\n".join(f"> {escaped(line)}" for line in (f"{note.day}: {first}" if note.day else first, *more))


def _rows(head: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(map(escaped, head))} |"
    yield "|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
