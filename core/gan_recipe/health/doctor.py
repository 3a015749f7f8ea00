"""The doctor at work: signals taken in a few rounds, read late, written as figures, and judged."""

from __future__ import annotations

import math
import warnings
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from attrs import define
from torch import Tensor

from gan_recipe.engine.graph import Store
from gan_recipe.engine.journal import Journal
from gan_recipe.engine.late import LATE
from gan_recipe.engine.observers import Observers
from gan_recipe.engine.training import Training
from gan_recipe.health.bench import Bench
from gan_recipe.health.consequences import Consequences
from gan_recipe.health.contests import Meeting, meetings
from gan_recipe.health.moment import Look, Moment
from gan_recipe.health.non_finite import as_verdict, find_origin
from gan_recipe.interfaces import Signal
from gan_recipe.language.plan import Move
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told

_RUN = ""  # stands among the players for the run as a whole


@define
class _Measured:
    """Figures on their way: numbers known now, and elements of one tensor that is read some rounds later."""

    round: int
    numbers: dict[str, float]
    names: list[str]
    values: Tensor | None


class Doctor:
    """Watches a training, writes what it sees into the run, and tells what is wrong.

    A resumed run's history is rebuilt from its figures, so that it is measured and judged as if it had never stopped.
    """

    def __init__(
        self,
        training: Training,
        folder: RunFolder,
        observers: Observers,
        journal: Journal,
        consequences: Consequences | None = None,
    ) -> None:
        recipe = training.recipe
        self._training, self._folder, self._observers, self._journal = training, folder, observers, journal
        self._consequences = consequences
        self._every = recipe.doctor.settings.every
        self._signals = dict(recipe.doctor.signals)
        self._bench = Bench(recipe, training.origins.runs)
        self._meetings: dict[str, Sequence[Meeting]] = {
            name: meetings(recipe, player) for name, player in recipe.players.items()
        }
        #: How many rounds were done when a player, or the run, was last looked at.
        self._looked: dict[str, int] = {}
        #: Moves of this round that were looked at, and what was found.
        self._moments: list[tuple[Moment, dict[str, Tensor | float], list[str]]] = []
        self._pending: deque[_Measured] = deque()
        for line in folder.lines():
            self._bench.hear(line["round"], line)
            for player in {_player(name, recipe.players) for name in line if name.startswith(SIGNAL_PREFIX)}:
                self._looked[player] = line["round"]
        journal.listener = self._judge
        journal.explain = self._explain

    # ------------------------------------------------------------------------------------------------ looking

    def watch(self, round: int, move: Move, store: Store, values: Sequence[Tensor]) -> None:
        """Look at a move between its losses and its step, if it is time to."""
        player, done = move.player.name, round + 1
        last = self._looked.get(player)
        if last is not None and done // self._every == last // self._every:
            return
        self._looked[player] = done
        contests, meeting = self._bench.case.contests, self._meetings[player]
        moment = Moment.of(self._training, contests, meeting, round, move, store, values)
        found: dict[str, Tensor | float] = {}
        for name in self._due(last, done):
            figures = self._ask(name, lambda signal: signal.at_move(moment))
            found |= {f"{SIGNAL_PREFIX}{player}/{figure}": value for figure, value in figures.items()}
        self._moments.append((moment, found, self._due(last, done)))

    def after(self, done: int) -> None:
        """Between two rounds: look at the run as a whole if it is time to, and write what is old enough."""
        for moment, found, due in self._moments:
            for name in due:
                if name in self._signals:
                    figures = self._ask(name, lambda signal, moment=moment: signal.at_step(moment))
                    found |= {
                        f"{SIGNAL_PREFIX}{moment.player.name}/{figure}": value for figure, value in figures.items()
                    }
            self._take(done, found)
        self._moments.clear()
        last = self._looked.get(_RUN)
        if done // self._every != (last or 0) // self._every:
            self._looked[_RUN] = done
            due = [name for name in self._due(last or 0, done) if _looks_at_runs(self._signals[name])]
            if due:
                look = Look(done, self._training.recipe, self._bench.case.contests, self._training)
                seen: dict[str, Tensor | float] = {}
                with self._training.averaged():
                    for name in due:
                        figures = self._ask(name, lambda signal: signal.at_round(look))
                        seen |= {f"{SIGNAL_PREFIX}{figure}": value for figure, value in figures.items()}
                self._take(done, seen)
        self.catch_up(done)

    def _due(self, last: int | None, done: int) -> list[str]:
        return [
            name
            for name, signal in self._signals.items()
            if last is None or done // (self._every * signal.sparse) != last // (self._every * signal.sparse)
        ]

    def _ask(self, name: str, question: Any) -> Mapping[str, Tensor | float]:
        devices = [self._training.device] if self._training.device.startswith("cuda") else []
        try:
            with torch.random.fork_rng(devices), torch.no_grad():
                found: Mapping[str, Tensor | float] = question(self._signals[name])
                return found
        except Exception as error:  # a stranger's signal may raise anything; training goes on
            del self._signals[name]
            told = f"the signal {name!r} failed and is measured no more: {type(error).__name__}: {error}"
            warnings.warn(told, RuntimeWarning, stacklevel=2)
            return {}

    def _take(self, done: int, found: Mapping[str, Tensor | float]) -> None:
        tensors = {name: value for name, value in found.items() if isinstance(value, Tensor)}
        numbers = {name: float(value) for name, value in found.items() if not isinstance(value, Tensor)}
        values = torch.stack([value.detach().float().reshape(()) for value in tensors.values()]) if tensors else None
        if found:
            self._pending.append(_Measured(done, numbers, list(tensors), values))

    # ------------------------------------------------------------------------------------------------ telling

    @property
    def waiting(self) -> int | None:
        """The round of the oldest figures that are not written yet."""
        return self._pending[0].round if self._pending else None

    def catch_up(self, round: int | None = None) -> None:
        """Write and judge the figures that are old enough by ``round``; all of them by default."""
        while self._pending and (round is None or self._pending[0].round + LATE <= round):
            measured = self._pending.popleft()
            read = measured.values.tolist() if measured.values is not None else []
            figures = {**measured.numbers, **dict(zip(measured.names, read, strict=True))}
            self._journal.write(
                measured.round, {name: value for name, value in figures.items() if math.isfinite(value)}
            )

    def _judge(self, round: int, figures: Mapping[str, float]) -> None:
        self.tell(self._bench.hear(round, figures))

    def _explain(self, last: int) -> str:
        """Where the first number came from that was not finite, told as a verdict and as a sentence."""
        origin = find_origin(self._training, self._folder, last)
        if origin is None:
            return "Played again from the last sound checkpoint it did not come back."
        self.tell([as_verdict(self._training, origin)])
        return f"In round {origin.round:,} {origin.what}."

    def tell(self, verdicts: Sequence[Told]) -> None:
        """Keep verdicts in the run, show them, and follow what the recipe says of them. Raises GoBack."""
        for told in verdicts:
            self._folder.add_verdict(told.line())
            self._observers.tell("gan_recipe_verdict", folder=self._folder.path, **told.line())
            self._journal.screen.verdict(told)
        if self._consequences is not None:
            self._consequences.follow(verdicts)


def _looks_at_runs(signal: Signal) -> bool:
    return type(signal).at_round is not Signal.at_round


def _player(figure: str, players: Mapping[str, Any]) -> str:
    """Whose move ``signals/critic/gan/gap`` was seen in; the run's as a whole when nobody's."""
    name = figure.removeprefix(SIGNAL_PREFIX).partition("/")[0]
    return name if name in players else _RUN
