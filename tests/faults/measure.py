"""The table of docs/faults.md: ``python tests/faults/measure.py`` measures, ``--page`` writes the page from the figures.

It takes some ten minutes on two cores, and needs the right to mount a tmpfs for one of its rows.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.files_damaged import broken_recipes, damaged_checkpoints, damaged_images
from faults.runs_struck import full_disks, kills, small_files, stops
from faults.victims import Victims

ROOT = Path(__file__).parents[2]
FIGURES = Path(__file__).with_name("figures.json")
PAGE = ROOT / "docs" / "faults.md"

Figures = Mapping[str, Mapping[str, float]]

_ABOUT = {
    "kill -9": "`kill -9` at a seeded line of the framework or its plugins, up to five times a run, then resumed",
    "SIGTERM": "SIGTERM in the critic's move, the generator's, a save, and the loader's thread; then resumed",
    "full disk": "a tmpfs that is full after a seeded size; then room is made and the run resumed",
    "small files": "no file may grow above a seeded size (`RLIMIT_FSIZE`); then it may, and the run is resumed",
    "damaged checkpoints": "every file of a checkpoint cut at 20 places, and single bits flipped over all of them",
    "broken recipes": "shipped recipes with bytes, values, names, lines and tables broken; CPU time of a check",
    "damaged images": "an image folder of files cut, flipped, headless, random, and of bombs of 900 megapixels",
}


def measure() -> None:
    """Measure everything in full and keep the figures."""
    with tempfile.TemporaryDirectory() as name, Victims() as victims:
        folder = Path(name)
        os.environ["GAN_RECIPE_CACHE"] = str(folder / "cache")
        experiments: dict[str, Callable[[], Mapping[str, float]]] = {
            "broken recipes": lambda: broken_recipes(folder / "recipes", count=2_000),
            "damaged images": lambda: damaged_images(folder / "images", count=200),
            "damaged checkpoints": lambda: damaged_checkpoints(victims, folder / "checkpoint", cuts=20, flips=300),
            "small files": lambda: small_files(victims, folder / "files", sizes=30),
            "full disk": lambda: full_disks(victims, folder / "disk", sizes=30),
            "SIGTERM": lambda: stops(victims, folder / "stops", each=13),
            "kill -9": lambda: kills(victims, folder / "kills", count=200, in_save=50),
        }
        found: dict[str, Any] = {}
        for about, experiment in experiments.items():
            found[about] = experiment()
            print(about, found[about], flush=True)
    FIGURES.write_text(json.dumps({about: found[about] for about in _ABOUT}, indent=1) + "\n")


def page(figures: Figures) -> str:
    """docs/faults.md."""
    rows = [
        f"| {_ABOUT[about]} | {', '.join(f'{name} {value:,}' for name, value in told.items())} |"
        for about, told in figures.items()
    ]
    return "\n".join(
        [
            "# Faults",
            "",
            "What was done to gan-recipe on purpose, and what came of it. `pytest -m faults` does the same with smaller",
            "counts; this table is generated from `tests/faults/measure.py`, seed 0, and a test holds it to its figures.",
            'A "run that differs" is one whose figures, sheets or last checkpoint are not those of a run that nothing',
            "happened to, byte for byte.",
            "",
            "| fault | figures |",
            "|---|---|",
            *rows,
            "",
            "The runs are a small recipe with spectral norm, R1 every third move, a ramp, an average, milestones and the",
            "doctor, forked from a process that has imported torch. What a bit flip does to an image that still decodes",
            "is not seen by anybody: it is another picture. See [resume.md](resume.md) for what is promised.",
            "",
        ]
    )


if __name__ == "__main__":
    if "--page" not in sys.argv:
        measure()
    PAGE.write_text(page(json.loads(FIGURES.read_text())))
