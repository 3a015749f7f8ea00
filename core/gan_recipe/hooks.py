"""The hooks through which plugins reach the framework."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gan_recipe.interfaces import Component

PROJECT = "gan_recipe"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Hooks:
    """Everything that a plugin may implement. Hooks grow by adding arguments; none goes within a major version."""

    @hookspec
    def gan_recipe_components(self) -> Mapping[str, type[Component] | str]:  # type: ignore[empty-body]
        """The plugin's components by name.

        A value is the class, or ``"module:Class"``, which is imported when a recipe names it. A recipe writes the name
        behind the plugin's namespace: ``acme.patch_head``.
        """

    @hookspec
    def gan_recipe_run_started(self, folder: Path, recipe: Mapping[str, object]) -> None:
        """A run starts or resumes in ``folder``. Observers are told; nothing they return is read."""

    @hookspec
    def gan_recipe_logged(self, folder: Path, round: int, values: Mapping[str, float]) -> None:
        """A line of figures was written: numbers by name, such as ``critic/loss/gan`` and ``metrics/l1``."""

    @hookspec
    def gan_recipe_sheet(self, folder: Path, round: int, image: Path) -> None:
        """A sample sheet (PNG) was written."""

    @hookspec
    def gan_recipe_verdict(
        self, folder: Path, round: int, verdict: str, told: str, figures: Mapping[str, float], cure: list[str]
    ) -> None:
        """The doctor found a failure: a line of ``verdicts.jsonl``."""

    @hookspec
    def gan_recipe_run_ended(self, folder: Path, outcome: str) -> None:
        """The run ended: ``done``, ``stopped`` or ``failed``."""
