"""The doctor's page is what its table says, and failures that are caused are named in time."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"
sys.path.insert(0, str(DOCTOR))
import healthy_end  # noqa: E402
from cases import CASES  # noqa: E402
from page import is_found, page  # noqa: E402
from suite import run as run_case  # noqa: E402


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_doctors_page_is_what_its_table_says() -> None:
    """Written anew from the data it is the same; every case is in it; no healthy run has a verdict."""
    rows = json.loads((DOCTOR / "table.json").read_text())
    assert (DOCTOR.parent / "doctor.md").read_text() == page(rows)
    assert {row["case"] for row in rows} == {case.name for case in CASES}
    by_name = {case.name: case for case in CASES}
    for row in rows:
        case = by_name[row["case"]]
        assert is_found(case, row) if case.verdict else not row["told"], (row["case"], row["seed"])
    shipped = json.loads((DOCTOR / "shipped.json").read_text())
    assert shipped["d_supervised"]["rounds"] == shipped["d_supervised"]["of"] and not shipped["d_supervised"]["told"]


@pytest.mark.parametrize("case", [case for case in CASES if case.verdict], ids=lambda case: case.name)
def test_every_cured_run_ends_healthy(case: Any) -> None:
    """By the figures that the page states; the failed run's own would not do, but for a mismatch that passes."""
    rows = json.loads((DOCTOR / "table.json").read_text())
    mine = [row for row in rows if row["case"] == case.name]
    assert mine and any(row["case"] == case.like for row in rows)
    for row in mine:
        assert not healthy_end.lacks(case, row, rows), row["seed"]
        failed = {"outcome": row["outcome"], "last": row["last"], "told": []}
        assert healthy_end.lacks(case, row | {"cured": failed}, rows) or (case.name, row["seed"]) == ("phase", 7)


@pytest.mark.parametrize("name", ["not_a_number", "too_strong"])
def test_a_caused_failure_is_named_in_time(name: str) -> None:
    """The quickest cases of the suite, on a seed of their own; the whole of it is docs/doctor/suite.py."""
    case = next(case for case in CASES if case.name == name)
    assert is_found(case, run_case(case, 5, Path.cwd(), cure=False))


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in CASES if case.base == "ring"], ids=lambda case: case.name)
def test_the_suite_on_the_first_seed_of_its_table(case: Any) -> None:
    """Every failure on the ring is named in time, and of no healthy run is anything told."""
    rows = json.loads((DOCTOR / "table.json").read_text())
    seed = min(row["seed"] for row in rows if row["case"] == case.name)
    row = run_case(case, seed, Path.cwd(), cure=False)
    assert is_found(case, row) if case.verdict else not row["told"]
