"""A run's folder ``runs/<name>/<n>``: the only place where a run is remembered."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from attrs import define, field

from gan_recipe.errors import BusyError, RunError, UserError, did_you_mean
from gan_recipe.runs.durable import append_line, cut_file, replace_file, sync
from gan_recipe.runs.folder_lock import is_locked, locked

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
NUMBER = re.compile(r"[0-9]{1,9}")


def runs_root() -> Path:
    """``$GAN_RECIPE_RUNS``, else ``runs`` where the person stands."""
    return Path(os.environ.get("GAN_RECIPE_RUNS") or "runs")


@define
class RunFolder:
    """One run's files."""

    path: Path
    #: The open lock, while this process is the writer.
    _lock: IO[bytes] | None = field(default=None, init=False, repr=False, eq=False)

    @property
    def name(self) -> str:
        """``name/n``, as commands take it."""
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def sheets(self) -> Path:
        return self.path / "sheets"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.toml"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def verdicts(self) -> Path:
        return self.path / "verdicts.jsonl"

    @property
    def recoveries(self) -> Path:
        return self.path / "recoveries.jsonl"

    @property
    def notes(self) -> Path:
        return self.path / "notes.jsonl"

    def lock(self) -> None:
        """Become the only writer, until ``unlock`` or the process's end.

        Raises BusyError when another process is, and UserError when the folder cannot be locked.
        """
        if self._lock is not None:
            return
        try:
            self._lock = locked(self.path)
        except BlockingIOError:
            raise BusyError(f"another process is training {self.name}; wait for it or stop it first") from None
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from None

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def is_being_written(self) -> bool:
        """Whether a process holds the lock."""
        return is_locked(self.path)

    def describe(self) -> dict[str, Any]:
        """What ``run.json`` says. Raises UserError when the folder is no run."""
        try:
            told = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise UserError(f"{self.path} is no run: its run.json cannot be read")
        return told

    @property
    def scale(self) -> float:
        """By how much the run was shortened in time; 1 when that is not told."""
        try:
            stated = self.describe().get("scale")
        except UserError:
            return 1.0
        return float(stated) if isinstance(stated, (int, float)) and 0 < stated <= 1 else 1.0

    def write_description(self, told: Mapping[str, Any]) -> None:
        path = self.path / "run.json"
        try:
            replace_file(path, description_text(told))
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error

    def append(self, line: str) -> None:
        """A line to ``metrics.jsonl``, whole or not at all. Raises RunError."""
        try:
            append_line(self.metrics, line)
        except OSError as error:
            raise RunError(f"{self.metrics} cannot be written: {error.strerror}") from error

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; one cut short by a crash is left out. Raises UserError for a locked file."""
        return (line for line in _lines(self.metrics) if type(line.get("round", 0)) is int)

    def verdict_lines(self) -> Iterator[dict[str, Any]]:
        """The lines of ``verdicts.jsonl``: what the doctor told. Those that are none are passed over."""
        return (line for line in _tables(self.verdicts) if line is not None)

    def add_verdict(self, line: Mapping[str, Any]) -> None:
        """Append a line to ``verdicts.jsonl``. Raises RunError when it cannot be written."""
        try:
            append_line(self.verdicts, json.dumps(line))
        except OSError as error:
            raise RunError(f"{self.verdicts} cannot be written: {error.strerror}") from error

    def recovery_lines(self) -> Iterator[dict[str, Any]]:
        """The lines of ``recoveries.jsonl``: when the run went back, and where to."""
        return _lines(self.recoveries)

    def add_recovery(self, line: Mapping[str, Any]) -> None:
        """Append a line to ``recoveries.jsonl``; it is on the disk then. Raises RunError."""
        try:
            append_line(self.recoveries, json.dumps(line))
            sync(self.recoveries)
            sync(self.path)
        except OSError as error:
            raise RunError(f"{self.recoveries} cannot be written: {error.strerror}") from error

    def lengths(self) -> dict[str, int]:
        """How long the files are that belong to a run's state: every ``*.jsonl`` but notes and recoveries."""
        found = [path for path in sorted(self.path.glob("*.jsonl")) if path not in (self.notes, self.recoveries)]
        return {path.name: path.stat().st_size for path in found}

    def cut_back(self, lengths: Mapping[str, int]) -> list[str]:
        """Drop what was appended after the ``lengths`` were taken; a sentence for each file that lacks lines.

        Raises RunError.
        """
        found = self.lengths()
        for name, length in found.items():
            if length > lengths.get(name, 0):
                try:
                    cut_file(self.path / name, lengths.get(name, 0))
                except OSError as error:
                    raise RunError(f"{self.path / name} cannot be written: {error.strerror}") from error
        return [
            f"{name} is {length - found.get(name, 0):,} bytes shorter than it was: lines of it are lost"
            for name, length in lengths.items()
            if found.get(name, 0) < length
        ]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The tables of a file, up to the first line that is none."""
    for line in _tables(path):
        if line is None:
            return
        yield line


def _tables(path: Path) -> Iterator[dict[str, Any] | None]:
    """The file's lines as tables, None for those that are none: anybody may have written it. Raises UserError."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    for line in lines:
        try:
            told = json.loads(line)
        except (ValueError, RecursionError):
            told = None
        yield told if isinstance(told, dict) else None


def description_text(told: Mapping[str, Any]) -> str:
    """A run's description as ``run.json`` holds it."""
    return json.dumps(told, indent=1) + "\n"


def find_run(stated: str) -> RunFolder:
    """A run by ``name/n``, by ``name`` (its newest) or by path. Raises UserError naming the nearest."""
    if os.path.isfile(Path(stated) / "run.json"):
        return RunFolder(Path(stated).resolve())
    name, _, number = stated.rstrip("/").partition("/")
    if NAME.fullmatch(name):
        folder = runs_root() / name
        numbers = sorted(map(int, numbers_in(folder)))
        if numbers and not number:
            return RunFolder(folder / str(numbers[-1]))
        if NUMBER.fullmatch(number) and int(number) in numbers:
            return RunFolder(folder / str(int(number)))
    known = [run.name for run in all_runs()]
    hint = did_you_mean(stated, known) or (" `gan-recipe runs` lists them." if known else " There is none yet.")
    raise UserError(f"there is no run {stated!r} in {runs_root()}.{hint}")


def runs_named(name: str) -> list[RunFolder]:
    """The runs of one name, oldest first."""
    folder = runs_root() / name
    return [RunFolder(folder / number) for number in sorted(numbers_in(folder), key=int)]


def all_runs() -> list[RunFolder]:
    """Every run, oldest first by name and number. Raises UserError when a folder cannot be read."""
    root = runs_root()
    see_that_it_is_a_folder(root)
    return [run for name in sorted(_names_in(root)) if NAME.fullmatch(name) for run in runs_named(name)]


def see_that_it_is_a_folder(root: Path) -> None:
    """Raises UserError for a place of runs that is a file."""
    if os.path.isfile(root):
        raise UserError(f"{root} is a file, and runs are kept in a folder; set GAN_RECIPE_RUNS to another place")


def numbers_in(folder: Path) -> list[str]:
    """The names of the folder's numbered runs, in no order. Raises UserError when it cannot be read."""
    return [name for name in _names_in(folder) if NUMBER.fullmatch(name) and os.path.isdir(folder / name)]


def checkpoint_rounds(run: RunFolder) -> list[int]:
    """The rounds of which ``run`` keeps a checkpoint, oldest first. Raises UserError when they cannot be read."""
    return sorted(map(int, numbers_in(run.checkpoints)))


def _names_in(folder: Path) -> list[str]:
    """What a folder holds; nothing where there is none."""
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
