"""A run's folder ``runs/<name>/<n>``: the only place where a run is remembered."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from attrs import define, field

from gan_recipe.errors import RunError, UserError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NUMBER = re.compile(r"[0-9]{1,9}")


def runs_root() -> Path:
    """``$GAN_RECIPE_RUNS``, else ``runs`` where the person stands."""
    return Path(os.environ.get("GAN_RECIPE_RUNS") or "runs")


@define
class RunFolder:
    """One run's files."""

    path: Path
    _lock: IO[str] | None = field(default=None, init=False, repr=False)

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

    def lock(self) -> None:
        """Become the only writer, until ``unlock`` or the process's end. Raises UserError when somebody else is."""
        try:
            self._lock = (self.path / ".lock").open("w")
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UserError(f"another process is training {self.name}; wait for it or stop it first") from None

    def unlock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def describe(self) -> dict[str, Any]:
        """What ``run.json`` says. Raises UserError when the folder is no run."""
        try:
            told = json.loads((self.path / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            told = None
        if not isinstance(told, dict):
            raise UserError(f"{self.path} is no run: its run.json cannot be read")
        return told

    def write_description(self, told: Mapping[str, Any]) -> None:
        text = json.dumps(told, indent=1, sort_keys=True) + "\n"
        beside = self.path / ".run.json"
        try:
            beside.write_text(text)
            os.replace(beside, self.path / "run.json")
        except OSError as error:
            raise RunError(f"{self.path / 'run.json'} cannot be written: {error.strerror}") from error

    def lines(self) -> Iterator[dict[str, Any]]:
        """The lines of ``metrics.jsonl``; one cut short by a crash is left out."""
        if self.metrics.exists():
            for line in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
                try:
                    told = json.loads(line)
                except ValueError:
                    return
                yield told

    def forget_after(self, round: int) -> None:
        """Drop what a run wrote after the checkpoint that it resumes from."""
        kept = [line for line in self.lines() if line["round"] <= round]
        beside = self.path / ".metrics.jsonl"
        try:
            beside.write_text("".join(json.dumps(line) + "\n" for line in kept))
            os.replace(beside, self.metrics)
        except OSError as error:
            raise RunError(f"{self.metrics} cannot be written: {error.strerror}") from error


def check_new(name: str) -> None:
    """Whether a new run may be called ``name`` or ``name/n``, asked before any work. Raises UserError."""
    stated, slash, number = name.partition("/")
    if not _NAME.fullmatch(stated) or (slash and not _NUMBER.fullmatch(number)):
        raise UserError(
            f"{name!r} is no name for a run: up to 100 letters, digits, '.', '_' and '-', starting with a letter or "
            "digit, and optionally /NUMBER. State one with --name"
        )
    if slash and (runs_root() / stated / str(int(number))).exists():
        raise _exists(name)


def new_run(name: str) -> RunFolder:
    """Make ``runs/<name>/<next n>``, or ``runs/<name>/<n>`` when ``name/n`` is asked for. Raises UserError."""
    check_new(name)
    stated, _, number = name.partition("/")
    folder = runs_root() / stated
    try:
        if number:
            path = folder / str(int(number))
            path.mkdir(parents=True)
            return RunFolder(path)
        while True:
            path = folder / str(max(map(int, _numbers(folder)), default=0) + 1)
            try:
                path.mkdir(parents=True)
                return RunFolder(path)
            except FileExistsError:
                if not path.is_dir():
                    raise
                continue  # another run began at the same moment and took the number
    except FileExistsError as error:
        if number and (folder / str(int(number))).is_dir():
            raise _exists(name) from None
        raise UserError(f"{folder} cannot be made: {error.filename} is a file") from None
    except OSError as error:
        raise UserError(f"{folder} cannot be made: {error.strerror}") from None


def find_run(stated: str) -> RunFolder:
    """A run by ``name/n``, by ``name`` (its newest) or by path. Raises UserError naming the nearest."""
    if os.path.isfile(Path(stated) / "run.json"):
        return RunFolder(Path(stated).resolve())
    name, _, number = stated.rstrip("/").partition("/")
    if _NAME.fullmatch(name):
        folder = runs_root() / name
        numbers = sorted(map(int, _numbers(folder)))
        if numbers and not number:
            return RunFolder(folder / str(numbers[-1]))
        if _NUMBER.fullmatch(number) and int(number) in numbers:
            return RunFolder(folder / str(int(number)))
    known = [run.name for run in all_runs()]
    raise UserError(f"there is no run {stated!r} in {runs_root()}.{did_you_mean(stated, known)}")


def all_runs() -> list[RunFolder]:
    """Every run, oldest first by name and number."""
    root = runs_root()
    names = sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name)) if root.is_dir() else []
    return [RunFolder(name / number) for name in names for number in sorted(_numbers(name), key=int)]


def _exists(name: str) -> UserError:
    return UserError(
        f"the run {name} exists in {runs_root()}; go on with it by `gan-recipe run --resume {name}`, "
        "or leave the number out for a new one"
    )


def _numbers(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    return [path.name for path in folder.iterdir() if _NUMBER.fullmatch(path.name) and path.is_dir()]


def checkpoint_rounds(run: RunFolder) -> list[int]:
    """The rounds of which ``run`` keeps a checkpoint, oldest first."""
    folders = run.checkpoints.iterdir() if run.checkpoints.is_dir() else ()
    return sorted(int(path.name) for path in folders if _NUMBER.fullmatch(path.name) and path.is_dir())


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
