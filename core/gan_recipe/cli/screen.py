"""What a person sees while a run trains."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from gan_recipe.errors import harmless

if TYPE_CHECKING:
    from gan_recipe.engine.journal import Screen
    from gan_recipe.runs.verdicts import Told


def screen_for(*, quiet: bool) -> Screen:
    """A live screen on a terminal, plain lines elsewhere, nothing when quiet."""
    if quiet:
        return QuietScreen()
    return LiveScreen() if sys.stdout.isatty() else PlainScreen()


def say_aside(text: str) -> None:
    """To a person who waits, and not into what a command prints."""
    click.echo(harmless(text), err=True)


class QuietScreen:
    """Says nothing."""

    def say(self, text: str) -> None: ...

    def begin(self, rounds: int, done: int, batch: int) -> None: ...

    def round(self, done: int) -> None: ...

    def figures(self, round: int, values: Mapping[str, float]) -> None: ...

    def verdict(self, told: Told) -> None: ...

    def end(self) -> None: ...


class _Pace:
    """Images per second since training began, the rehearsal and the data's preparation apart."""

    def __init__(self, done: int, batch: int) -> None:
        self._first, self._batch, self._began = done, batch, time.monotonic()

    def rate(self, done: int) -> float:
        return (done - self._first) * self._batch / max(time.monotonic() - self._began, 1e-9)

    def left(self, done: int, rounds: int) -> float | None:
        rate = self.rate(done)
        return (rounds - done) * self._batch / rate if rate else None


class PlainScreen:
    """A line now and then, for logs and pipes."""

    def __init__(self) -> None:
        self._rounds = self._done = 0
        self._pace: _Pace | None = None

    def say(self, text: str) -> None:
        click.echo(harmless(text))

    def begin(self, rounds: int, done: int, batch: int) -> None:
        self._rounds, self._done, self._pace = rounds, done, _Pace(done, batch)

    def round(self, done: int) -> None:
        self._done = done

    def figures(self, round: int, values: Mapping[str, float]) -> None:
        pace = ""
        if self._pace and self._done < self._rounds and (left := self._pace.left(self._done, self._rounds)):
            pace = f"  {self._pace.rate(self._done):.0f} images/s, {_clock(left)} left"
        told = "  ".join(f"{player} {'  '.join(losses)}" for player, losses in _by_player(values).items())
        click.echo(f"round {round:>{len(str(self._rounds))}}/{self._rounds}{pace}  {told}")

    def verdict(self, told: Told) -> None:
        _tell(told)

    def end(self) -> None:
        self._pace = None


class LiveScreen:
    """A progress bar with the time left, and each player's losses under it."""

    def __init__(self) -> None:
        self._live: Any = None
        self._progress: Any = None
        self._task: Any = None
        self._pace: _Pace | None = None
        self._rows: dict[str, list[str]] = {}

    def say(self, text: str) -> None:
        click.echo(harmless(text))

    def begin(self, rounds: int, done: int, batch: int) -> None:
        from rich.live import Live
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._pace = _Pace(done, batch)
        self._progress = Progress(
            TextColumn("round"),
            MofNCompleteColumn(),
            BarColumn(),
            TextColumn("{task.fields[pace]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
        )
        self._task = self._progress.add_task("", total=rounds, completed=done, pace="")
        self._live = Live(get_renderable=self._render, refresh_per_second=4)
        self._live.start()

    def round(self, done: int) -> None:
        if self._pace is not None:
            self._progress.update(self._task, completed=done, pace=f"{self._pace.rate(done):.0f} images/s")

    def figures(self, round: int, values: Mapping[str, float]) -> None:
        self._rows |= _by_player(values)

    def verdict(self, told: Told) -> None:
        _tell(told)

    def end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = self._pace = None

    def _render(self) -> Any:
        from rich.columns import Columns
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        rows = Table.grid(padding=(0, 2))
        for player, losses in self._rows.items():
            # Columns, so that a loss is never broken between its name and its value.
            rows.add_row(Text(player, style="bold"), Columns(map(Text, losses), padding=(0, 2)))
        return Group(self._progress, rows)


def _tell(told: Told) -> None:
    """The verdict and its cure, above whatever else is on the screen."""
    click.echo(harmless(f"round {told.round:,}: ") + click.style(harmless(told.verdict), fg="yellow", bold=True))
    click.echo(harmless(f"  {told.told}"))
    for line in told.cure:
        click.echo(harmless(f"    {line}"))
    if told.others:
        count = len(told.others)
        click.echo(f"  and {count} other treatment{'s' * (count > 1)}, which gan-recipe diagnose tells")


def _by_player(values: Mapping[str, float]) -> dict[str, list[str]]:
    """``critic/loss/real`` and the like as texts by player; metrics come under their own name."""
    found: dict[str, list[str]] = {}
    for name, value in values.items():
        player, *kind, last = name.split("/")
        if kind != ["weighted"]:
            last = f"balance of {last}" if kind == ["balance"] else last
            found.setdefault(player, []).append(f"{last} {value:.4g}")
    return found


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
