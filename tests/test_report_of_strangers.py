"""Whatever a run's folder says is shown, bounded and escaped, and nothing of it runs."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from report_pages import Page, made, train

from gan_recipe.components.registry import Registry
from gan_recipe.report import write_comparison, write_index, write_report
from gan_recipe.runs.run_folder import RunFolder

NAME = "<script>alert(1)</script>"
PICTURE = re.compile(r"data:image/webp;base64,[A-Za-z0-9+/=]*")

pytestmark = pytest.mark.usefixtures("runs")


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
