"""The page of all runs: a card each, newest first, found by typing."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from gan_recipe.report.page import link_if_written, rendered
from gan_recipe.report.pictures import thumbnail
from gan_recipe.runs.history import Entry, history
from gan_recipe.runs.run_folder import RunFolder

# A page of more pictures than these opens slowly.
_MOST_THUMBNAILS = 400
_REPORTED = ("run.json", "metrics.jsonl", "verdicts.jsonl", "notes.jsonl")


@frozen
class Card:
    """A run on the page."""

    entry: Entry
    thumbnail: str | None
    #: The way to its report; empty where there is none.
    link: str


def index_page(folder: Path) -> str:
    """The page as HTML, to be written into ``folder``."""
    entries = list(reversed(history()))
    cards = [
        Card(entry, thumbnail(entry.run) if number < _MOST_THUMBNAILS else None, link_if_written(entry.run, folder))
        for number, entry in enumerate(entries)
    ]
    return rendered("index.html.jinja", ["filter"], title="All runs", cards=cards)


def outdated(runs: Iterable[RunFolder]) -> list[RunFolder]:
    """The runs whose report is missing, or older than what it tells of."""
    return [run for run in runs if os.path.isfile(run.path / "run.json") and _is_outdated(run)]


def _is_outdated(run: RunFolder) -> bool:
    try:
        written = (run.path / "report.html").stat().st_mtime_ns
    except OSError:
        return True
    return any(_modified(run.path / name) > written for name in _REPORTED)


def _modified(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
