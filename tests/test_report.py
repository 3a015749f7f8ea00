"""Reports: pages that are whole, of one run, of several and of all; runs they cannot harm."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from report_pages import Page, made, train

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RunError, UserError
from gan_recipe.report import report_at_end, write_comparison, write_index, write_report
from gan_recipe.report.outcome import time_between
from gan_recipe.runs.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("runs")


# ----------------------------------------------------------------------------------------------------- a run's page


def test_every_run_writes_its_report(ring: str, registry: Registry) -> None:
    """Verdict, figures, sheets, curves, plan, settings against the run before it, lineage and environment: one file
    that loads nothing from anywhere."""
    first = train(ring, registry=registry).folder
    second = train(ring, "players.generator.optimizer.lr=0.2", registry=registry).folder
    page = Page(second.path / "report.html")
    assert "✓ Done. It trained all its 6 rounds" in page.words
    assert re.search(r"far [\d.]+ [\d.]+ [\d.]+", page.words), "before, after, and the run before it"
    (film,) = page.data["film-data"]
    assert [sheet["round"] for sheet in film["sheets"]] == [0, 6] and film["columns"] == "point, fake"
    titles = {chart["title"]: chart for chart in page.data["curves-data"]["charts"]}
    assert set(titles) >= {"critic", "generator", "far"}
    assert [line["name"] for line in titles["critic"]["lines"]] == ["gan", "r1", "mode"]
    assert sum(tag == "svg" and "viewbox" in told for tag, told in page.tags) >= 2, "a plan for each kind of round"
    assert "players.generator.optimizer.lr 0.1 0.2" in page.words and f"Against {first.name}" in page.words
    assert "python" in page.words and "rounds = 6" in page.words
    assert page.scripts() == 2
    for tag, told in page.tags:
        for name in ("src", "href", "srcset", "action", "poster"):
            value = told.get(name) or "#"
            assert value.startswith(("#", "data:")) or (tag == "a" and "//" not in value), (tag, value)
    assert "@import" not in page.source and "url(" not in page.source.replace("url(#", "")


def test_a_run_that_stops_or_fails_is_reported_too(ring: str, registry: Registry, tmp_path: Path) -> None:
    """With why it failed, and how to go on."""
    broken = ring.replace("lr = 1e-3,", "lr = 1e38,").replace("log_every = 2", "log_every = 1")
    with pytest.raises(RunError, match="became"):
        train(broken, registry=registry)
    page = Page(tmp_path / "runs" / "ring" / "1" / "report.html")
    assert "✕ Failed." in page.words and re.search(r"players\.\w+\.losses\.\w+ became (nan|inf)", page.words)
    run = RunFolder(tmp_path / "runs" / "ring" / "1")
    run.write_description({**run.describe(), "outcome": "stopped", "round": 3})
    words = Page(write_report(run)).words
    assert "■ Stopped. Somebody asked it to stop; it had trained" in words
    assert "gan-recipe run --resume ring/1" in words
    run.write_description({**run.describe(), "outcome": "running"})
    assert "✕ Killed." in Page(write_report(run)).words
    run.lock()
    assert "… Running." in Page(write_report(run)).words
    run.unlock()


def test_a_fault_in_the_report_is_one_warning_and_harms_no_run(
    ring: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run is done, and says so; nothing half-written lies about."""

    def fault(*args: object, **more: object) -> str:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("gan_recipe.report.run_page.rendered", fault)
    with pytest.warns(RuntimeWarning, match=r"the report of ring/1 could not be written: ZeroDivisionError") as told:
        outcome = train(ring, registry=registry)
    assert outcome.how == "done" and outcome.folder.describe()["outcome"] == "done" and len(told) == 1
    assert not list(outcome.folder.path.glob("*report*"))
    with pytest.warns(RuntimeWarning, match="no run"):
        report_at_end(RunFolder(Path("nowhere")))


def test_a_report_is_written_anew_from_the_files_alone_without_torch(ring: str, registry: Registry) -> None:
    """``gan-recipe report``: the same page as the run wrote, but for the time and what came after it."""
    run = train(ring, registry=registry).folder
    page = run.path / "report.html"
    before = re.sub(r"Written [\d: -]+", "", page.read_text())
    page.unlink()
    code = "import sys; from gan_recipe.report import write_report; from gan_recipe.runs.run_folder import find_run\n"
    code += "write_report(find_run('ring')); sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert re.sub(r"Written [\d: -]+", "", page.read_text()) == before


def test_a_page_without_a_recipe_figures_or_sheets_says_what_it_can() -> None:
    """Whatever a folder lacks; a folder without run.json is no run."""
    run = made("a")
    with pytest.raises(UserError, match="is no run"):
        write_report(run)
    run.write_description({})
    words = Page(write_report(run)).words
    assert "It cannot be drawn here" in words
    run.recipe.write_text("nonsense")
    run.write_description({"outcome": [1], "round": "x", "versions": 3, "command": [None], "parents": [], "changes": 7})
    assert "It cannot be drawn here" in Page(write_report(run)).words


@pytest.mark.parametrize(
    ("started", "ended", "told"),
    [
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:07:21+00:00", " in 7 min 21 s"),
        ("2026-01-01T00:00:00+00:00", "2026-01-03T02:00:00+00:00", " in 50 h"),
        ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00", " in 0 s"),
        ("2026-01-01T00:00:01+00:00", "2026-01-01T00:00:00+00:00", ""),
        ("2026-01-01T00:00:01", "2026-01-01T00:00:00+00:00", ""),
        (None, 7, ""),
    ],
)
def test_how_long_a_run_took_is_told_in_two_units(started: Any, ended: Any, told: str) -> None:
    """Or not at all, where the clock says nothing that can be."""
    assert time_between(started, ended) == told


# ----------------------------------------------------------------------------------------------------- several runs


def test_a_comparison_holds_the_same_inputs_aligned_curves_and_differing_settings_only(
    ring: str, registry: Registry
) -> None:
    """And says so when the inputs are not the same."""
    runs = [
        train(ring, registry=registry).folder,
        train(ring, "players.generator.optimizer.lr=0.2", "run.rounds=4", registry=registry).folder,
    ]
    path = write_comparison(runs)
    assert path.name == "compare-ring-1-ring-2.html" and path.parent == runs[0].path.parents[1]
    page = Page(path)
    assert "run.rounds 6 4" in page.words and "players.generator.optimizer.lr 0.1 0.2" in page.words
    assert "amsgrad" not in page.text, "alike in both"
    assert [[sheet["round"] for sheet in film["sheets"]] for film in page.data["film-data"]] == [[0, 6], [0, 4]]
    assert "Row by row the inputs are the same ones in every run." in page.words
    (gan,) = [c for c in page.data["curves-data"]["charts"] if c["title"] == "generator"]
    assert [(line["run"], line["raw"]["rounds"]) for line in gan["lines"]] == [(0, [2, 4, 6]), (1, [2, 4])]
    assert any(told.get("href") == "ring/2/report.html" for _, told in page.tags)
    other = train(ring, "run.seed=5", registry=registry).folder
    words = Page(write_comparison([runs[0], other])).words
    assert "need not show the same inputs: run.seed differs." in words
    with pytest.raises(UserError, match="a comparison is of 2 to 12 runs, not of 1"):
        write_comparison(runs[:1])


def test_the_index_holds_every_run_newest_first_and_writes_the_reports_that_are_missing(
    ring: str, registry: Registry, runs: Path
) -> None:
    """A report that is newer than its run is left alone; a folder that is no run is shown without one."""
    with pytest.raises(UserError, match="there are no runs"):
        write_index()
    first, second = (train(ring, registry=registry).folder for _ in range(2))
    (first.path / "report.html").unlink()
    made("zzz")
    path, written, failed = write_index()
    assert path == runs / "index.html" and [run.name for run in written] == [first.name] and failed == []
    page = Page(path)
    links = [told["href"] for tag, told in page.tags if tag == "a" and told.get("href", "").endswith("report.html")]
    assert list(dict.fromkeys(links)) == ["ring/2/report.html", "ring/1/report.html"]
    assert page.words.index("ring/2") < page.words.index("ring/1") and "no run.json" in page.words
    (second.path / "notes.jsonl").write_text(json.dumps({"when": "", "text": "keep: best so far"}) + "\n")
    assert [run.name for run in write_index()[1]] == [second.name]
    assert "keep: best so far" in Page(path).words


def test_the_commands_write_pages_and_say_where(
    ring: str, registry: Registry, capsys: pytest.CaptureFixture[str], write: Callable[..., str]
) -> None:
    """``report``, ``report --all`` and ``compare``; a mistake is told."""
    from click.testing import CliRunner

    from gan_recipe.cli.program import cli

    runner = CliRunner()
    train(ring, registry=registry)
    train(ring, registry=registry)
    for words, told in (
        (["report", "ring/1"], "ring/1/report.html"),
        (["report", "--all"], "index.html"),
        (["compare", "ring/1", "ring/2"], "compare-ring-1-ring-2.html"),
        (["compare", "ring/1", "ring", "-o", "here.html"], "here.html"),
    ):
        done = runner.invoke(cli, words)
        assert done.exit_code == 0 and done.output.strip().endswith(told) and Path(done.output.strip()).is_file()
    for words in (["report"], ["report", "ring", "--all"], ["compare"]):
        assert runner.invoke(cli, words).exit_code == 2
    assert isinstance(runner.invoke(cli, ["compare", "ring/1", "ring/1"]).exception, UserError)
    assert isinstance(runner.invoke(cli, ["compare", "ring/1", "ring/2", "-o", "no/x.html"]).exception, RunError)
