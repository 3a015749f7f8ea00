"""The runs as one story: what each came from, what it changed, how good it was and how it ended.

Everything is read from the run folders as data that anybody may have written: what makes no sense is left out.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen

from gan_recipe.errors import UserError, did_you_mean
from gan_recipe.language.recipe_diff import Change, from_json
from gan_recipe.runs.family import reached
from gan_recipe.runs.lenient_json import count, numbers, table
from gan_recipe.runs.notes import Note, notes
from gan_recipe.runs.recoveries import recoveries
from gan_recipe.runs.run_folder import RunFolder, all_runs, runs_root
from gan_recipe.runs.verdicts import Told, verdicts

_DAMAGED = "run.json is damaged"


@frozen
class Entry:
    """A run in the story."""

    run: RunFolder
    #: "done", "stopped", "failed", "running", or "killed" when it ended without a word; else what its files lack.
    outcome: str
    #: Why it failed, or the verdict at which it stopped; empty otherwise.
    why: str
    #: Rounds done, and planned.
    round: int
    rounds: int
    #: ISO 8601 in UTC, as the machine's clock had it; empty when it is not told.
    started: str
    #: Networks that began with another run's weights, by ``run@round``.
    parents: Mapping[str, tuple[str, ...]]
    #: By run that it was held against (its parents, or the run before it): what its recipe changed.
    changes: Mapping[str, list[Change]]
    #: The metrics at the end, and before anything was learned.
    figures: Mapping[str, float]
    baseline: Mapping[str, float]
    verdicts: list[Told]
    #: Each time that it went back to an earlier checkpoint, in plain words.
    recoveries: list[str]
    notes: list[Note]

    @property
    def when(self) -> str:
        """``2026-07-09 10:02``, in UTC."""
        return self.started[:16].replace("T", " ")


def history(names: Iterable[str] = ()) -> list[Entry]:
    """Every run, newest last; with ``names`` those runs, all that they came from and all that came from them.

    A name is a run's ``NAME``, which means each of its numbers, or ``NAME/N``; one that none has raises UserError.
    """
    entries = {run.name: read_entry(run) for run in all_runs()}
    family = _family(entries, list(names))
    return in_order([entry for name, entry in entries.items() if name in family])


def read_entry(run: RunFolder) -> Entry:
    """What a run's folder tells."""
    problem = ""
    try:
        told = run.describe()
    except UserError:
        told, problem = {}, _why_not(run)
    outcome = problem or str(told.get("outcome", _DAMAGED))
    if outcome == "running" and not run.is_being_written():
        outcome = "killed"
    told_rounds = [count(told.get("round"))]
    if outcome != "done":  # run.json may be of its beginning
        with suppress(UserError):  # a list of runs goes on where one of them is locked away
            told_rounds += [count(line.get("round")) for line in run.lines()]
    return Entry(
        run=run,
        outcome=outcome,
        why=str(told.get("why", "")) if outcome in ("failed", "stopped") else "",
        round=max(told_rounds),
        rounds=count(told.get("rounds")),
        started=str(told.get("started", "")),
        parents=_parents(table(told.get("parents"))),
        changes={name: _changes(stated) for name, stated in table(told.get("changes")).items()},
        figures=numbers(told.get("figures")),
        baseline=numbers(told.get("baseline")),
        verdicts=_verdicts(run),
        recoveries=[recovery.sentence() for recovery in recoveries(run)],
        notes=notes(run),
    )


def ending(entry: Entry) -> str:
    """How a run ended, and after how much of its plan."""
    if not entry.rounds:
        return entry.outcome
    if entry.outcome == "done" and entry.round == entry.rounds:
        return f"done, {entry.rounds:,} rounds"
    return f"{entry.outcome} after {entry.round:,} of {entry.rounds:,} rounds"


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Oldest first by the clock, which may have been wrong: whatever it says, no run comes before one of the same name
    and a lower number, nor before one that its weights come from."""
    waiting = {entry.run.name: entry for entry in entries}
    before: dict[str, set[str]] = {name: set() for name in waiting}
    for one, other in itertools.pairwise(sorted(waiting, key=_number)):
        if _number(one)[0] == _number(other)[0]:
            before[other].add(one)
    for name, entry in waiting.items():
        before[name] |= {parent for parent in _runs(entry) if parent in waiting and parent != name}
    after = _reverse(before)
    ready = [_key(entry) for name, entry in waiting.items() if not before[name]]
    heapq.heapify(ready)
    found = []
    while waiting:
        # Folders that somebody renamed may claim to come from each other: then the clock alone decides.
        name = heapq.heappop(ready)[-1] if ready else min(map(_key, waiting.values()))[-1]
        if name not in waiting:
            continue
        found.append(waiting.pop(name))
        for other in after[name]:
            before[other].discard(name)
            if not before[other] and other in waiting:
                heapq.heappush(ready, _key(waiting[other]))
    return found


def _family(entries: Mapping[str, Entry], names: list[str]) -> Collection[str]:
    if not names:
        return entries
    found: set[str] = set()
    for stated in names:
        mine = {name for name in entries if stated.rstrip("/") in (name, name.partition("/")[0])}
        if not mine:
            known = {part for name in entries for part in (name, name.partition("/")[0])}
            raise UserError(f"there is no run {stated!r} in {runs_root()}.{did_you_mean(stated, known)}")
        found |= mine
    parents = {name: _runs(entry) & entries.keys() for name, entry in entries.items()}
    return {*reached(found, parents), *reached(found, _reverse(parents))}


def _reverse(edges: Mapping[str, Collection[str]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in edges}
    for name, others in edges.items():
        for other in others:
            found[other].add(name)
    return found


def _runs(entry: Entry) -> set[str]:
    return {parent.rpartition("@")[0] for parent in entry.parents}


def _number(name: str) -> tuple[str, int]:
    base, _, number = name.partition("/")
    return base, int(number) if number.isdecimal() else 0


def _key(entry: Entry) -> tuple[str, tuple[str, int], str]:
    return entry.started, _number(entry.run.name), entry.run.name


# ------------------------------------------------------------------------------------------------------- reading


def _why_not(run: RunFolder) -> str:
    """Why a run does not describe itself."""
    try:
        (run.path / "run.json").stat()
    except FileNotFoundError:
        return "no run.json"
    except OSError as error:
        return f"run.json: {error.strerror}"
    return _DAMAGED


def _parents(stated: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for network, parent in sorted(stated.items()):
        if isinstance(parent, dict) and "run" in parent:
            place = f"{parent['run']}@{parent.get('round', '?')}"
            found[place] = (*found.get(place, ()), network)
    return found


def _changes(stated: Any) -> list[Change]:
    found = []
    for each in stated if isinstance(stated, list) else []:
        try:
            found.append(from_json(each))
        except ValueError:
            continue
    return found


def _verdicts(run: RunFolder) -> list[Told]:
    with suppress(UserError):  # as above
        return verdicts(run)
    return []
