"""Reports in headless Chromium: they work, quietly, narrow and wide, dark and light, by mouse and keyboard."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from browser import Browser

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.loop.launch import start
from gan_recipe.report import write_comparison, write_index, write_report
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.notes import add_note
from gan_recipe.runs.run_folder import RunFolder

pytestmark = pytest.mark.browser

NAME = "<script>alert(1)</script>"
NOTE = "keep: <img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory, ring: str, registry: Registry) -> dict[str, Path]:
    """Two small runs with a note and a verdict, one of them under a name like a script, and their pages."""
    root = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        patch.setenv("GAN_RECIPE_RUNS", str(root / "runs"))
        (root / "ring.toml").write_text(ring.replace("rows = 2", "rows = 2\nevery = 2"))
        runs = []
        for rate in (0.1, 0.2):
            recipe = check("ring.toml", [f"players.generator.optimizer.lr={rate}", "run.rounds=12"], registry)
            runs.append(start(recipe, registry, QuietScreen()).folder)
        for run in runs:
            add_note(run, NOTE)
            verdict = {
                "round": 6,
                "verdict": "critic too strong",
                "told": NAME,
                "figures": {"gap": 4.2},
                "cure": ["x = 1"],
            }
            (run.path / "verdicts.jsonl").write_text(json.dumps(verdict) + "\n")
        strange = root / NAME
        shutil.copytree(runs[0].path, strange)
        return {
            "report": write_report(runs[1]),
            "strange": write_report(RunFolder(strange)),
            "compare": write_comparison([RunFolder(strange), *runs], root / "compare.html"),
            "index": write_index()[0],
        }


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("name", ["report", "strange", "compare", "index"])
def test_a_page_opens_without_a_word_on_the_console(
    browser: Browser, pages: dict[str, Path], name: str, width: int, dark: bool
) -> None:
    """No error, no refusal by its own policy, no sideways scroll, no dialogue; dark where a person wants it dark."""
    browser.open(pages[name], width=width, dark=dark)
    assert browser.console() == []
    assert not browser.scrolls_sideways()
    paper = browser.ask("return getComputedStyle(document.body).backgroundColor")
    assert paper == ("rgb(20, 21, 24)" if dark else "rgb(250, 250, 248)")
    assert browser.ask("return [...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_the_slider_shows_another_round(browser: Browser, pages: dict[str, Path]) -> None:
    """By keyboard; picture, description and the cursor of the curves go with it, and a click on a curve leads back."""
    browser.open(pages["report"])
    shown = "return [document.getElementById('sheet-0').src, document.getElementById('film-round').textContent]"
    last = browser.ask(shown)
    browser.ask("document.getElementById('film-slider').focus()")
    browser.press("\ue012")  # arrow left
    assert browser.ask(shown)[1] == "round 10" != last[1] == "round 12"
    assert browser.ask(shown)[0] != last[0]
    assert browser.ask("return document.getElementById('film-slider').getAttribute('aria-valuetext')") == "round 10"
    assert browser.ask("return document.querySelector('.plot .at').textContent") == "10"
    browser.press("\ue011")  # home
    assert browser.ask(shown)[1] == "round 0"
    browser.ask(
        """const plot = document.querySelector('.plot'), box = plot.getBoundingClientRect();
        plot.setPointerCapture = () => {};
        for (const kind of ['pointerdown', 'pointerup'])
          plot.dispatchEvent(new PointerEvent(kind, {clientX: box.right - 9, clientY: box.top + 50, pointerId: 1}));"""
    )
    assert browser.ask(shown)[1] == "round 12"
    assert browser.console() == []


def test_curves_zoom_are_read_and_hide(browser: Browser, pages: dict[str, Path]) -> None:
    """By dragging and by keys; raw and weighted, together and apart, linear and logarithmic."""
    browser.open(pages["report"])
    ticks = "return [...document.querySelectorAll('.plot')[0].querySelectorAll('text')].map((each) => each.textContent)"
    whole = browser.ask(ticks)
    browser.ask(
        """const plot = document.querySelector('.plot'), box = plot.getBoundingClientRect();
        plot.setPointerCapture = () => {};
        const at = (part) => ({clientX: box.left + 46 + part * (box.width - 54), clientY: box.top + 50, pointerId: 1});
        plot.dispatchEvent(new PointerEvent('pointerdown', at(0.2)));
        plot.dispatchEvent(new PointerEvent('pointermove', at(0.7)));
        plot.dispatchEvent(new PointerEvent('pointerup', at(0.7)));"""
    )
    assert browser.ask(ticks) != whole and not browser.ask("return document.getElementById('whole').disabled")
    browser.ask("document.querySelector('.plot').focus()")
    browser.press("\ue00c")  # escape
    assert browser.ask("return document.getElementById('whole').disabled")
    readout = "return document.getElementById('readout').textContent"
    browser.press("\ue011")  # home
    begin = re.match(r"round (\d+): gan [\d.]+, r1 ", browser.ask(readout))
    assert begin
    browser.press("\ue014")  # arrow right
    assert browser.ask(readout).startswith(f"round {int(begin[1]) + 1}: gan ")
    lines = "return document.querySelectorAll('.plot .line').length"
    drawn = browser.ask(lines)
    browser.ask("document.querySelector('.keys button').focus()")
    browser.press(" ")
    assert browser.ask(lines) == drawn - 1
    assert browser.ask("return document.querySelector('.keys button').getAttribute('aria-pressed')") == "false"
    charts = "return document.querySelectorAll('.chart').length"
    before = browser.ask(charts)
    path = "return document.querySelector('.charts:nth-of-type(2) .line').getAttribute('d')"
    raw = browser.ask(path)
    for name, value in (("values", "weighted"), ("scale", "log"), ("layout", "apart")):
        browser.ask(f"document.querySelector('[name={name}][value={value}]').click()")
    assert browser.ask(charts) > before and browser.ask(path) != raw
    assert "log scale" in browser.ask("return document.getElementById('charts').textContent")
    assert browser.console() == []


def test_everything_that_can_be_used_is_reached_by_the_tab_key(browser: Browser, pages: dict[str, Path]) -> None:
    """Links, slider, choices, charts and the names below them, each with a visible mark and a name."""
    browser.open(pages["report"])
    reached = set()
    for _ in range(60):
        browser.press("\ue004")  # tab
        told = browser.ask(
            """const one = document.activeElement; return one === document.body ? null :
            [one.id || one.name || one.className || one.tagName, getComputedStyle(one).outlineStyle,
             one.getAttribute('aria-label') || one.textContent.trim() || one.labels?.[0]?.textContent || ''];"""
        )
        if told is None:
            break
        reached.add(told[0])
        assert told[2], told
    assert reached >= {"skip", "film-play", "film-slider", "values", "scale", "layout", "closer", "plot", "plan"}


def test_a_comparison_moves_all_its_sheets_by_one_slider(browser: Browser, pages: dict[str, Path]) -> None:
    """And draws a line a run in each of its charts."""
    browser.open(pages["compare"])
    sources = "return [...document.querySelectorAll('.film img')].map((image) => image.src)"
    last = browser.ask(sources)
    browser.ask("document.getElementById('film-slider').focus()")
    browser.press("\ue011")  # home
    first = browser.ask(sources)
    assert len(first) == 3 and all(a != b for a, b in zip(first, last, strict=True))
    assert browser.ask("return document.querySelector('.chart').querySelectorAll('.line').length") == 3


def test_the_index_is_filtered_as_one_types(browser: Browser, pages: dict[str, Path]) -> None:
    """All words must be found; a card leads to its report."""
    browser.open(pages["index"])
    shown = "return [...document.querySelectorAll('.cards > li:not([hidden]) h2')].map((each) => each.textContent)"
    assert browser.ask(shown) == ["ring/2", "ring/1"]
    browser.ask("document.getElementById('search').focus()")
    browser.press(*"KEEP ring/1")
    assert browser.ask(shown) == ["ring/1"]
    assert browser.ask("return document.getElementById('found').textContent") == "1 of 2 runs"
    browser.ask("document.querySelector('.cards > li:not([hidden]) h2 a').click()")
    assert browser.ask("return document.querySelector('h1').textContent") == "ring/1"
    assert browser.console() == []


def test_a_run_named_like_a_script_is_shown_and_not_run(browser: Browser, pages: dict[str, Path]) -> None:
    """Nor is its note or its verdict; a browser would tell of a dialogue, and of an image that cannot be found."""
    browser.open(pages["strange"])
    assert browser.ask("return document.querySelector('h1').textContent") == NAME
    text = browser.ask("return document.body.innerText")
    assert NOTE in text and text.count(NAME) >= 3
    assert browser.ask("return document.querySelectorAll('img').length") == 1
    assert browser.console() == []


def test_a_script_that_got_into_a_page_would_not_run(browser: Browser, pages: dict[str, Path], tmp_path: Path) -> None:
    """The page's policy refuses it, should escaping fail one day."""
    broken = tmp_path / "broken.html"
    page = pages["report"].read_text().replace("<main", "<script>document.title = 'run'</script><main", 1)
    broken.write_text(page)
    browser.open(broken)
    assert browser.ask("return document.title") != "run"
    assert any("Content Security Policy" in line for line in browser.console())


def test_a_page_prints_without_its_tools(browser: Browser, pages: dict[str, Path], write: Callable[..., str]) -> None:
    """Figures, sheet and curves stay."""
    browser.open(pages["report"], dark=True)
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    hidden = "return getComputedStyle(document.querySelector('.tools')).display"
    assert browser.ask(hidden) == "none"
    assert browser.ask("return getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
