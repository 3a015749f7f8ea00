"""A source of data, and an observer: hooks in a module, each of which asks for what it needs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gan_recipe import hookimpl

GAN_RECIPE_API = 1


@hookimpl
def gan_recipe_components() -> dict[str, str]:
    return {"spiral": "acme_points.spiral:Spiral"}


@hookimpl
def gan_recipe_run_started(folder: Path) -> None:
    _write(folder, "started")


@hookimpl
def gan_recipe_logged(folder: Path, round: int, values: Mapping[str, float]) -> None:
    _write(folder, f"round {round}: {len(values)} figures")


@hookimpl
def gan_recipe_run_ended(folder: Path, outcome: str) -> None:
    _write(folder, outcome)


def _write(folder: Path, line: str) -> None:
    with (folder / "diary.txt").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
