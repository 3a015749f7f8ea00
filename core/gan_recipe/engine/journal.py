"""What a run says of itself while it trains: lines of figures, to its file, its observers and the screen."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from typing import Protocol

from torch import Tensor

from gan_recipe.distributed.processes import told_once
from gan_recipe.engine.late import LATE
from gan_recipe.engine.observers import Observers
from gan_recipe.engine.player import BALANCE
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError
from gan_recipe.ramp import weight_at
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told


class Screen(Protocol):
    """Where a person watches."""

    def say(self, text: str) -> None: ...

    def begin(self, rounds: int, done: int, batch: int) -> None: ...

    def round(self, done: int) -> None: ...

    def figures(self, round: int, values: Mapping[str, float]) -> None: ...

    def verdict(self, told: Told) -> None: ...

    def end(self) -> None: ...


class Journal:
    """Writes ``metrics.jsonl``, a whole line at a time, and tells whoever listens."""

    def __init__(self, training: Training, folder: RunFolder, observers: Observers, screen: Screen) -> None:
        self._training = training
        self._folder = folder
        self._observers = observers
        self.screen = screen
        #: Hears every line after it is written.
        self.listener: Callable[[int, Mapping[str, float]], None] | None = None
        #: Says where a number that is not finite came from, given the round before which it was seen.
        self.explain: Callable[[int], str] | None = None
        self._pending: deque[tuple[int, dict[str, tuple[Tensor, int]], dict[str, float]]] = deque()

    def losses(self, round: int) -> None:
        """Take the mean of every loss since the last line; it is read and written some rounds later."""
        taken = {
            f"{name}/{loss}": mean
            for name, player in self._training.players.items()
            for loss, mean in player.take_means().items()
        }
        steering = self._training.steering
        steered = {f"schedule/{name}": value for name, value in steering.memory.items()} if steering else {}
        self._pending.append((round, taken, steered))

    @property
    def waiting(self) -> int | None:
        """The round of the oldest line that is not written yet."""
        return self._pending[0][0] if self._pending else None

    def catch_up(self, round: int | None = None) -> None:
        """Write the lines that are old enough by ``round``; all of them by default. Raises RunError for a nan."""
        while self._pending and (round is None or self._pending[0][0] + LATE <= round):
            at, taken, steered = self._pending.popleft()
            values = {}
            for name, (total, count) in taken.items():
                player, _, loss = name.partition("/")
                if loss.startswith(BALANCE):
                    values[name] = float(total) / count
                    continue
                spec = self._training.recipe.players[player].losses[loss]
                raw = float(total) / count
                values[f"{player}/loss/{loss}"] = raw
                values[f"{player}/weighted/{loss}"] = raw * weight_at(spec.weight, at - 1)
            self.write(at, values | steered)
            for name, value in values.items():
                if not math.isfinite(value):
                    player, _, loss = name.split("/")
                    why = f" {self.explain(at)}" if self.explain else ""
                    error = RunError(
                        f"players.{player}.losses.{loss} became {value} before round {at:,}.{why} The checkpoints "
                        f"before it are kept; a lower rate (players.{player}.optimizer.lr) or weight is the first "
                        "thing to try"
                    )
                    raise told_once(self._training.processes, error)

    def write(self, round: int, values: Mapping[str, float]) -> None:
        """One line of figures, now. Raises RunError when the file cannot be written."""
        self._folder.append(json.dumps({"round": round, **values}))
        self._observers.tell("gan_recipe_logged", folder=self._folder.path, round=round, values=values)
        if any(not name.startswith(SIGNAL_PREFIX) for name in values):
            self.screen.figures(round, values)
        if self.listener is not None:
            self.listener(round, values)
