"""The run's folder as a process sees it that does not write: it reads what the first one wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from gan_recipe.runs.run_folder import RunFolder


@define
class UnwrittenFolder(RunFolder):
    """A run's files, of which another process of the same run is the writer."""

    def lock(self) -> None:
        """The first process holds it."""

    def unlock(self) -> None:
        """The first process does."""

    def write_description(self, told: Mapping[str, Any]) -> None:
        """The first process does."""

    def append(self, line: str) -> None:
        """The first process does."""

    def add_verdict(self, line: Mapping[str, Any]) -> None:
        """The first process does."""
