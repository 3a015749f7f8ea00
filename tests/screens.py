"""Screens for tests: one that keeps what is said, and one that stops the run."""

from __future__ import annotations

import os
import signal

from gan_recipe.cli.screen import QuietScreen


class Heard(QuietScreen):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)


class Stopping(QuietScreen):
    """Asks the run to stop in a round."""

    def __init__(self, at: int) -> None:
        self._at = at

    def round(self, done: int) -> None:
        if done == self._at:
            os.kill(os.getpid(), signal.SIGTERM)
