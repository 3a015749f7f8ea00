"""Sheets become a film that a page can bear."""

from __future__ import annotations

import base64
import io
import os
import warnings
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image
from report_pages import made

from gan_recipe.report.pictures import MOST_SHEETS, sheets, thumbnail

pytestmark = pytest.mark.usefixtures("runs")


def test_sheets_are_few_evenly_through_time_and_no_larger_than_a_page_can_bear(tmp_path: Path) -> None:
    """The first and the last are among them; noise, which no format makes small, is made smaller until it is."""
    run = made("a")
    run.sheets.mkdir()
    for round in range(0, 1_000, 10):
        Image.new("RGB", (40, 80), (round % 256, 0, 0)).save(run.sheets / f"round-{round:06d}.png")
    Image.frombytes("RGB", (900, 2_000), os.urandom(900 * 2_000 * 3)).save(run.sheets / "round-000990.png")
    shown = sheets(run)
    rounds = [picture.round for picture in shown]
    assert len(rounds) == MOST_SHEETS and rounds[0] == 0 and rounds[-1] == 990
    assert max(b - a for a, b in pairwise(rounds)) <= 50
    assert all(len(picture.uri) < 220_000 for picture in shown)
    opened = Image.open(io.BytesIO(base64.b64decode(shown[-1].uri.partition(",")[2])))
    assert opened.format == "WEBP" and opened.size == (shown[-1].width, shown[-1].height)
    assert thumbnail(run) is not None


def test_what_is_no_sheet_is_passed_over(tmp_path: Path) -> None:
    """Other files, pictures of other kinds, torn and enormous ones, and links to pictures elsewhere."""
    run = made("a")
    assert sheets(run) == [] and thumbnail(run) is None
    run.sheets.mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "private.png")
    Image.new("RGB", (8, 8)).save(run.sheets / "round-000002.png", "GIF")
    Image.new("1", (5_000, 4_000)).save(run.sheets / "round-000003.png")
    (run.sheets / "round-000004.png").write_bytes((tmp_path / "private.png").read_bytes()[:40])
    (run.sheets / "round-000005.png").symlink_to(tmp_path / "private.png")
    (run.sheets / "round-000006.png").mkdir()
    (run.sheets / "notes.txt").write_text("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sheets(run) == [] and thumbnail(run) is None
