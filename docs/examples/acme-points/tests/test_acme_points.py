"""The data keeps gan-recipe's promises, and the observer disturbs nobody."""

from __future__ import annotations

from pathlib import Path

import acme_points
from acme_points.spiral import Spiral

from gan_recipe.testing import check_component, check_observer


def test_the_spiral_conforms() -> None:
    """Batches are a function of (seed, position), and held-out points are other points."""
    check_component(Spiral(turns=3))


def test_the_diary_conforms(tmp_path: Path) -> None:
    """Told of two runs, it writes two diaries."""
    check_observer(acme_points, tmp_path)
    assert (tmp_path / "done" / "diary.txt").read_text() == "started\nround 1: 2 figures\nround 2: 2 figures\ndone\n"
