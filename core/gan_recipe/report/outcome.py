"""How a run ended, in plain words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from attrs import frozen

# The mark beside the word, so that colour is not all that tells.
_MARKS = {"done": "✓", "stopped": "■", "failed": "✕", "killed": "✕", "running": "…"}


@frozen
class Outcome:
    """The page's first sentence."""

    #: "done", "stopped", "failed", "killed", "running", or what the run's file says instead.
    how: str
    mark: str
    #: The status in a word or two, and the rest of the sentence.
    word: str
    sentence: str
    #: The command that goes on with the run; empty where there is none.
    go_on: str = ""


def outcome(how: str, *, round: int, rounds: int, name: str, took: str) -> Outcome:
    """In words, for a run that did ``round`` of ``rounds`` rounds."""
    of = f"{round:,} of {rounds:,} rounds"
    words = {
        "done": ("Done", f"It trained all its {rounds:,} rounds{took}."),
        "stopped": ("Stopped", f"Somebody asked it to stop; it had trained {of}{took}."),
        "failed": ("Failed", f"It broke off; the last full line of figures or checkpoint is of round {round:,}{took}."),
        "killed": ("Killed", f"It ended without a word, after at least {of}: killed, or its machine went down."),
        "running": ("Running", f"It is training; when this page was written it had done at least {of}."),
    }
    word, sentence = words.get(how, (how.capitalize() or "Unknown", f"Its files tell of {of}."))
    go_on = f"gan-recipe run --resume {name}" if how in ("stopped", "failed", "killed") else ""
    return Outcome(how, _MARKS.get(how, "?"), word, sentence, go_on)


def time_between(started: Any, ended: Any) -> str:
    """`` in 7 min 21 s`` between two times in ISO 8601; empty where they tell none."""
    try:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(started)) // timedelta(seconds=1)
    except (TypeError, ValueError, OverflowError):
        return ""
    if seconds < 0:
        return ""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = [(hours, "h"), (minutes, "min"), (seconds, "s")]
    told = [f"{number:,} {unit}" for number, unit in parts if number] or ["0 s"]
    return f" in {' '.join(told[:2])}"
