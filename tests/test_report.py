"""Reports: thinned curves that draw the same line; pages that are whole, bounded and escaped; runs they cannot harm."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.launch import start
from gan_recipe.engine.train import Outcome
from gan_recipe.errors import RunError, UserError
from gan_recipe.language.check import check
from gan_recipe.report import report_at_end, write_comparison, write_index, write_report
from gan_recipe.report.curves import Series, as_json, charts, read_series
from gan_recipe.report.outcome import time_between
from gan_recipe.report.pictures import MOST_SHEETS, sheets, thumbnail
from gan_recipe.report.thinning import thinned
from gan_recipe.runs.family import Branch, family
from gan_recipe.runs.new_run import new_run
from gan_recipe.runs.run_folder import RunFolder, all_runs

NAME = "<script>alert(1)</script>"
PICTURE = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]*")


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def made(name: str) -> RunFolder:
    """A new run's folder, which nobody writes."""
    run = new_run(name)
    run.unlock()
    return run


def train(text: str, *overrides: str, registry: Registry) -> Outcome:
    Path("ring.toml").write_text(text)
    return start(check("ring.toml", overrides, registry), registry, QuietScreen())


class Page(HTMLParser):
    """What is in a page: its tags with their attributes, its visible text, and the data for its scripts."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data: dict[str, Any] = {}
        self._within = ""
        self._id: str | None = None
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._within, self._id = tag, dict(attrs).get("id")

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_data(self, data: str) -> None:
        if self._within == "script" and self._id:
            self.data[self._id] = json.loads(data)
        elif self._within not in ("script", "style"):
            self.text += data + " "

    @property
    def words(self) -> str:
        return " ".join(self.text.split())

    def scripts(self) -> int:
        """Scripts that a browser would run."""
        return sum(tag == "script" and told.get("type") != "application/json" for tag, told in self.tags)


# ----------------------------------------------------------------------------------------------------- thinning


@st.composite
def curve(draw: st.DrawFn) -> tuple[list[int], list[float]]:
    rounds = sorted(draw(st.lists(st.integers(0, 3_000), min_size=1, max_size=400)))
    number = st.floats(-1e3, 1e3)
    return rounds, draw(st.lists(number, min_size=len(rounds), max_size=len(rounds)))


@settings(max_examples=200, deadline=None)
@given(curve=curve(), buckets=st.integers(1, 40))
def test_a_thinned_curve_has_the_same_lowest_and_highest_point_in_every_pixel(
    curve: tuple[list[int], list[float]], buckets: int
) -> None:
    """Its points are some of the curve's own, in order, at most four to a pixel; and each pixel's column of it begins,
    ends and reaches as far as the curve's does."""
    rounds, values = curve
    kept = thinned(rounds, values, buckets)
    assert kept == sorted(set(kept)) and len(kept) <= max(4 * buckets, 0)
    span = rounds[-1] - rounds[0] + 1

    def columns(indices: list[int]) -> dict[int, list[float]]:
        found: dict[int, list[float]] = {}
        for index in indices:
            found.setdefault((rounds[index] - rounds[0]) * buckets // span, []).append(values[index])
        return found

    whole, thin = columns(list(range(len(rounds)))), columns(kept)
    assert whole.keys() == thin.keys()
    for pixel, inside in whole.items():
        assert (min(inside), max(inside), inside[0], inside[-1]) == (
            min(thin[pixel]),
            max(thin[pixel]),
            thin[pixel][0],
            thin[pixel][-1],
        )


def test_few_points_are_kept_as_they_are() -> None:
    """Thinning begins where the page would suffer."""
    assert thinned([0, 5, 9, 9], [1.0, 2.0, 1.5, 1.7], 1) == [0, 1, 2, 3]
    assert thinned([], [], 8) == []


def test_figures_become_charts_by_player_with_raw_and_weighted_terms() -> None:
    """A weight of 1 is not told twice; numbers that are none are marked, not drawn; other figures stand apart."""
    run = made("a")
    lines: list[dict[str, Any]] = [
        {"round": 4, "g/loss/l1": 2.0, "g/weighted/l1": 20.0, "g/loss/gan": 1.0, "g/weighted/gan": 1.0},
        {"round": 2, "g/loss/l1": 3.0, "g/weighted/l1": 30.0, "g/loss/gan": float("nan"), "g/weighted/gan": 1.0},
        {"round": 4, "metrics/l1": 7, "signals/g/gap": 0.1, "lr/g": 1e-4, "metrics/no": "x", "metrics/yes": True},
        {"round": "5", "metrics/l1": 8.0},
        {"round": 6, "metrics/l1": 10**400},
    ]
    run.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "[1]\nnull\n" + '{"round": 9, "cut sh')
    told = as_json(charts([read_series(run)]))
    assert [(chart["kind"], chart["title"]) for chart in told] == [
        ("losses", "g"),
        ("metrics", "l1"),
        ("signals", "g/gap"),
        ("other", "lr/g"),
    ]
    l1, gan = told[0]["lines"]
    assert l1["raw"] == {"rounds": [2, 4], "values": [3.0, 2.0], "broken": []} and l1["weighted"]["values"] == [30, 20]
    assert gan["raw"] == {"rounds": [4], "values": [1.0], "broken": [2]}
    assert told[1]["lines"][0]["raw"] == {"rounds": [4], "values": [7.0], "broken": [6]}
    same = Series([1, 2], [1.0, 2.0])
    assert as_json(charts([{"p/loss/x": same, "p/weighted/x": same}]))[0]["lines"][0]["weighted"] is None


# ----------------------------------------------------------------------------------------------------- pictures


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


# ----------------------------------------------------------------------------------------------------- strangers


def hostile(run: RunFolder, text: str) -> None:
    """``text`` wherever a run folder can hold one."""
    run.write_description(
        {
            "outcome": text,
            "why": text,
            "recipe": text,
            "command": [text],
            "device": text,
            "round": 1,
            "rounds": 2,
            "started": text,
            "figures": {text: 1.0},
            "baseline": {text: 2.0},
            "parents": {text: {"run": text, "round": text}},
            "changes": {text: [{"key": [text], "before": text, "after": {"use": text}}]},
            "versions": {text: {text: text}},
            text: text,
        }
    )
    line = {"round": 1, f"{text}/loss/{text}": 1.0, f"metrics/{text}": 1.0, text: 2.0}
    run.metrics.write_text(json.dumps(line) + "\n" + json.dumps({**line, "round": 2}) + "\n")
    verdict = {"round": 1, "verdict": text, "told": text, "figures": {text: text}, "cure": [text], "about": text}
    (run.path / "verdicts.jsonl").write_text(json.dumps(verdict) + "\n")
    (run.path / "notes.jsonl").write_text(json.dumps({"when": text, "text": text}) + "\n")
    tame = "".join(filter(str.isprintable, text))
    run.recipe.write_text(f"# {tame}\n[sheet]\ncolumns = [{json.dumps(tame)}]\n")
    run.sheets.mkdir(exist_ok=True)
    Image.new("RGB", (30, 60)).save(run.sheets / "round-000001.png")
    Image.new("RGB", (30, 60)).save(run.sheets / "round-000002.png")


@pytest.mark.parametrize(
    "text",
    [
        NAME,
        '"><img src=x onerror=alert(1)>',
        "'-alert(1)-'",
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "{{ 7 * 7 }}{% raw %}",
        "javascript:alert(1)",
        "\ud800 \x00 \u2028 \x1b[31m",
    ],
)
def test_whatever_a_run_folder_says_is_shown_and_not_run(text: str, runs: Path) -> None:
    """In name, notes, recipe, figures, verdicts and lineage: the page holds no tag or attribute more than for a tame
    text, and every page that names the run holds the same."""

    def shapes(text: str, name: str) -> list[tuple[list[Any], int]]:
        folder = runs / name
        folder.mkdir(parents=True)
        run, other = RunFolder(folder), RunFolder(runs / "tame" / "1")
        other.path.mkdir(parents=True, exist_ok=True)
        hostile(other, "tame")
        hostile(run, text)
        pages = [Page(write_report(run)), Page(write_comparison([run, other], runs / "compare.html"))]
        for page in pages:
            assert page.scripts() == 2
        return [([(tag, sorted(told)) for tag, told in page.tags], page.scripts()) for page in pages]

    wild = shapes(text, "<script>alert(2)</script>")
    assert wild == shapes("tame text", "other/1")


KNOWN = [
    "outcome", "why", "round", "rounds", "started", "ended", "figures", "baseline", "parents", "changes", "verdict",
    "told", "cure", "text", "when", "run", "key", "before", "after", "g/loss/l1", "g/weighted/l1", "metrics/far",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["a/1", "b/1"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)
TABLES = st.dictionaries(st.sampled_from(KNOWN) | st.text(max_size=5), VALUES, max_size=10)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=TABLES, lines=st.lists(VALUES | TABLES, max_size=4), others=st.lists(VALUES | TABLES, max_size=4))
def test_no_json_is_too_strange_for_a_page(
    told: dict[str, Any], lines: list[Any], others: list[Any], runs: Path
) -> None:
    """Whatever values stand where others are expected, the page is written, and so are the comparison and the index."""
    folders = [RunFolder(runs / "a" / "1"), RunFolder(runs / "b" / "1")]
    for folder in folders:
        folder.path.mkdir(parents=True, exist_ok=True)
        (folder.path / "run.json").write_text(json.dumps(told))
        folder.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
        for name in ("verdicts.jsonl", "notes.jsonl"):
            (folder.path / name).write_text("".join(f"{json.dumps(line)}\n" for line in others))
        assert Page(write_report(folder)).scripts() == 2
    assert Page(write_comparison(folders)).scripts() == 2
    path, _, failed = write_index()
    assert Page(path).scripts() == 1 and failed == []


def test_a_line_nested_beyond_measure_ends_the_figures_and_not_the_page() -> None:
    """Python refuses to read it; what stands before it is shown."""
    run = made("a")
    run.write_description({})
    run.metrics.write_text('{"round": 1, "metrics/x": 1.0}\n' + "[" * 100_000 + "\n")
    assert Page(write_report(run)).data["curves-data"]["charts"][0]["title"] == "x"


def test_only_our_own_scripts_may_run(ring: str, registry: Registry) -> None:
    """The page's policy names them by their hashes; nothing else runs, and nothing is loaded."""
    import hashlib

    page = Page(train(ring, registry=registry).folder.path / "report.html")
    (policy,) = [
        told["content"] or "" for tag, told in page.tags if told.get("http-equiv") == "Content-Security-Policy"
    ]
    bodies = re.findall(r"<script>(.*?)</script>", page.source, re.DOTALL)
    hashes = {base64.b64encode(hashlib.sha256(body.encode()).digest()).decode() for body in bodies}
    assert set(re.findall(r"'sha256-([^']+)'", policy)) == hashes and len(hashes) == 2
    assert "default-src 'none'" in policy and "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_however_much_a_run_tells_its_page_stays_below_a_megabyte() -> None:
    """Pictures apart: long texts, many figures, lines, verdicts, notes, changes, parents and settings."""
    run = made("a")
    long = "<" * 100_000
    run.write_description(
        {
            "outcome": "failed",
            "why": long,
            "figures": {f"{number}{long[:300]}": 1.0 for number in range(1_000)},
            "changes": {
                f"x/{n}": [{"key": [f"{i}" * 50], "before": long[:900], "after": [long[:900]]} for i in range(300)]
                for n in range(30)
            },
            "parents": {f"n{n}": {"run": f"y/{n}" + "&" * 300, "round": n} for n in range(1_000)},
            "versions": {f"v{n}": long[:2_000] for n in range(1_000)},
            "command": [long] * 10,
        }
    )
    with run.metrics.open("w") as file:
        for round in range(400):
            line = {f"p/loss/t{n}": round * 1.234567e-5 + n for n in range(300)}
            file.write(json.dumps({"round": round * 1_000_003, **line}) + "\n")
    verdict = {"round": 1, "verdict": long, "told": long, "figures": {long[:9_000]: 1.0}, "cure": [long] * 2}
    (run.path / "verdicts.jsonl").write_text((json.dumps(verdict) + "\n") * 50)
    (run.path / "notes.jsonl").write_text((json.dumps({"when": "", "text": long[:9_000]}) + "\n") * 100)
    run.recipe.write_text(f"# {long}\n")
    assert len(PICTURE.sub("", Page(write_report(run)).source)) < 1_000_000


# ----------------------------------------------------------------------------------------------------- lineage


def described(name: str, **parents: tuple[str, int]) -> RunFolder:
    run = made(name)
    stated = {network: {"run": parent, "round": round} for network, (parent, round) in parents.items()}
    run.write_description({"outcome": "done", "parents": stated})
    return run


def drawn(branches: list[Branch]) -> list[Any]:
    return [(branch.name, branch.taken, drawn(branch.branches)) for branch in branches]


def test_lineage_is_the_tree_of_what_a_run_came_from_and_what_came_from_it() -> None:
    """Oldest first; who else came from its ancestors is another story; a run with two parents stands below both."""
    described("a")
    described("b", e=("a/1", 9), d=("a/1", 9))
    described("cousin", e=("a/1", 9))
    here = described("c", e=("b/1", 5), d=("gone/1", 7))
    described("d", e=("c/1", 1))
    tree = family(here, all_runs())
    assert drawn(tree) == [
        ("gone/1", "", [("c/1", "d of round 7", [("d/1", "e of round 1", [])])]),
        ("a/1", "", [("b/1", "d, e of round 9", [("c/1", "e of round 5", [])])]),
    ]
    assert [branch.run is None for branch in tree] == [True, False]
    again = tree[1].branches[0].branches[0]
    assert again.is_here and again.shown_before


def test_runs_that_claim_to_come_from_each_other_are_still_a_tree() -> None:
    """Folders may be renamed, and files edited."""
    described("a", e=("b/1", 1))
    here = described("b", e=("a/1", 1))
    tree = family(here, all_runs())
    assert [branch.name for branch in tree] == ["b/1"]
    write_report(here)


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


# ----------------------------------------------------------------------------------------------------- colours


def themes() -> Iterator[dict[str, str]]:
    css = (Path(sys.modules["gan_recipe.report"].__file__ or "").parent / "page" / "page.css").read_text()
    light = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[: css.index("@media")]))
    dark = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", css[css.index("@media") : css.index("* {")]))
    yield from (light, dark)


def test_text_and_curves_stand_out_from_their_background_in_both_themes() -> None:
    """By the contrast ratio of WCAG 2: 4.5 for text, 3 for curves."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(one: str, other: str) -> float:
        high, low = sorted((luminance(one), luminance(other)), reverse=True)
        return (high + 0.05) / (low + 0.05)

    found = list(themes())
    assert [theme["paper"] for theme in found] == ["#fafaf8", "#141518"]
    for theme in found:
        for name in ("ink", "soft", "accent", "good", "warn", "bad"):
            assert contrast(theme[name], theme["paper"]) >= 4.5, (name, theme["paper"])
            assert contrast(theme[name], theme["panel"]) >= 4.5, (name, theme["panel"])
        for number in range(8):
            assert contrast(theme[f"c{number}"], theme["paper"]) >= 3, number
        assert contrast(theme["bad"], theme["bad-soft"]) >= 3


def test_the_commands_write_pages_and_say_where(
    ring: str, registry: Registry, capsys: pytest.CaptureFixture[str], write: Callable[..., str]
) -> None:
    """``report``, ``report --all`` and ``compare``; a mistake is told."""
    from click.testing import CliRunner

    from gan_recipe.cli import cli

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
