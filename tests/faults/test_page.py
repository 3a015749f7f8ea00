"""docs/faults.md is what was measured."""

from __future__ import annotations

import json

from faults import measure


def test_the_page_is_what_was_measured_and_no_fault_lost_anything() -> None:
    """docs/faults.md is generated from the kept figures, and those are of the full counts."""
    figures = json.loads(measure.FIGURES.read_text())
    assert measure.PAGE.read_text() == measure.page(figures)
    assert figures["kill -9"]["kills"] >= 200 and figures["kill -9"]["inside a save"] >= 50
    assert figures["SIGTERM"]["stops"] >= 50 and figures["broken recipes"]["recipes"] == 2_000
    lost = ("failed to resume", "runs that differ", "exit codes other than 143", "of these not told", "loaded wrong")
    lost += ("not named", "tracebacks", "not placed", "slower than 100 ms", "wrong shapes")
    lost += ("exit codes other than 1", "came back", "failed")
    assert figures.keys() == measure._ABOUT.keys()
    assert not [(about, name) for about, told in figures.items() for name in lost if told.get(name)]
