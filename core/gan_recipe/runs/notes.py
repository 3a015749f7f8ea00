"""A person's own notes on a run: dated lines of text in its folder, kept apart from what the run writes itself."""

from __future__ import annotations

import json
from datetime import datetime

from attrs import frozen

from gan_recipe.errors import UserError
from gan_recipe.runs.durable import append_line, replace_file
from gan_recipe.runs.run_folder import RunFolder, now

#: Characters in a note. It is a remark, not a document.
MOST = 10_000


@frozen
class Note:
    """What somebody thought of a run, and when."""

    #: In UTC, as ISO 8601 writes it.
    when: str
    #: Any text; who shows it takes care of what it holds.
    text: str

    @property
    def day(self) -> str:
        """``2026-07-09`` where the person stands; empty when the file told no time."""
        try:
            return datetime.fromisoformat(self.when).astimezone().date().isoformat()
        except (ValueError, OverflowError):
            return ""


def notes(run: RunFolder) -> list[Note]:
    """The notes on a run, oldest first. Lines that are no notes are passed over."""
    try:
        lines = run.notes.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return []
    return [note for note in map(_read, lines) if note is not None]


def add_note(run: RunFolder, text: str) -> None:
    """Append a note, dated now. Raises UserError for a text that is none, or when it cannot be written."""
    line = _line(text)
    try:
        append_line(run.notes, line)
    except OSError as error:
        raise UserError(f"{run.notes} cannot be written: {error.strerror}") from None


def replace_newest(run: RunFolder, text: str) -> None:
    """Put a note in the place of the newest one. Raises UserError as ``add_note`` does, and when there is none."""
    kept = notes(run)
    if not kept:
        raise UserError(f"{run.name} has no note to replace yet")
    lines = [_told(note) for note in kept[:-1]] + [_line(text)]
    try:
        replace_file(run.notes, "".join(f"{line}\n" for line in lines))
    except OSError as error:
        raise UserError(f"{run.notes} cannot be written: {error.strerror}") from None


def _line(text: str) -> str:
    text = text.strip()
    if not text:
        raise UserError("the note is empty; write what is worth remembering of this run")
    if len(text) > MOST:
        raise UserError(f"the note has {len(text):,} characters; {MOST:,} is the most")
    return _told(Note(now(), text))


def _told(note: Note) -> str:
    return json.dumps({"when": note.when, "text": note.text})


def _read(line: str) -> Note | None:
    try:
        told = json.loads(line)
        return Note(str(told.get("when", "")), told["text"].strip()) if told["text"].strip() else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
