"""The site in headless Chromium: searched, narrowed and read, narrow and wide, dark and light, by keyboard."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from browser import Browser

from gan_recipe.cli.command_reference import command_reference
from gan_recipe.components.registry import Registry

pytestmark = pytest.mark.browser

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("index", "components", "components/hinge_critic", "components/n_critic", "components/dcgan_decoder")
PAGES += ("recipes/dcgan", "reference/recipe", "reference/cli", "start/tutorial", "design")


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Path:
    """The whole site, built as its command builds it, without a warning."""
    pytest.importorskip("furo", reason="needs furo, which the extra docs installs")
    from gan_recipe.site.html import build_site

    folder = tmp_path_factory.mktemp("site")
    assert build_site(DOCS, folder, registry, {"reference/cli.md": command_reference()}) == []
    return folder


@pytest.fixture(scope="module")
def site(built: Path) -> Iterator[str]:
    """Its address, served as any server would."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(built)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def until(true: Callable[[], Any], seconds: float = 30) -> Any:
    """What ``true`` gives once it gives something."""
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it never came to be"
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [360, 1200])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_without_a_word_on_the_console(
    browser: Browser, site: str, page: str, width: int, dark: bool
) -> None:
    """No error, no missing file, no sideways scroll; dark where a person wants it dark."""
    browser.open(f"{site}/{page}.html", width=width, dark=dark)
    assert browser.console() == []
    assert not browser.scrolls_sideways()
    colour = browser.ask("return getComputedStyle(document.body).backgroundColor")
    shade = sum(int(part) for part in colour.strip("rgb()").split(",")) / 3
    assert shade < 60 if dark else shade > 200
    assert browser.ask("return [...document.images].every((image) => image.complete && image.naturalWidth > 0)")


def test_search_finds_a_component(browser: Browser, site: str) -> None:
    """``wgan_clip``, typed into the search field of the first page: its own page comes first."""
    browser.open(f"{site}/index.html")
    browser.ask("document.querySelector('input.sidebar-search').focus()")
    browser.press(*"wgan_clip", "\ue007")
    first = "return document.querySelector('#search-results ul.search li a')?.getAttribute('href')"
    assert "components/wgan_clip.html" in until(lambda: browser.ask(first))
    assert browser.console() == []


def test_the_filter_narrows_by_keyboard(browser: Browser, site: str, registry: Registry) -> None:
    """By kind, by distribution and by words; what is asked for stays in the address."""
    every = registry.every()
    shown = """return [...document.querySelectorAll('tbody tr')]
        .filter((row) => row.offsetHeight).map((row) => row.cells[0].innerText);"""
    browser.open(f"{site}/components.html")
    assert set(browser.ask(shown)) == set(every)
    browser.ask("document.querySelector('form.filter select[name=kind]').focus()")
    browser.press(*"schedule")
    until(lambda: len(browser.ask(shown)) < len(every))
    schedules = {name for name, cls in every.items() if cls.kind == "schedule"}
    assert set(browser.ask(shown)) == schedules
    browser.press("\ue004")
    assert browser.ask("return document.activeElement.name") == "from"
    browser.press("\ue004", *"n-th")
    assert browser.ask(shown) == ["n_critic"]
    assert browser.ask("return document.querySelector('form.filter output').textContent") == f"1 of {len(every)}"
    assert browser.ask("return location.hash") == "#kind=schedule&words=n-th"
    browser.open(f"{site}/index.html")
    browser.open(f"{site}/components.html#kind=schedule")
    assert set(browser.ask(shown)) == schedules
    assert browser.console() == []


def test_links_and_fields_are_reached_by_keyboard(browser: Browser, site: str) -> None:
    """Past the list of all pages to the content; what has the focus is outlined."""
    browser.open(f"{site}/components/wgan_clip.html")
    browser.press("\ue004", "\ue007")  # the first link skips to the content
    reached: list[tuple[str, str]] = []
    for _ in range(20):
        browser.press("\ue004")
        told = browser.ask(
            "const at = document.activeElement, style = getComputedStyle(at);"
            "return [at.tagName, at.getAttribute('href') || at.name || '', style.outlineStyle];"
        )
        reached.append((told[0], told[1]))
        if told[0] == "A" and told[1].startswith("../recipes/"):
            assert told[2] != "none"
            break
    assert reached[-1][1].startswith("../recipes/"), reached


def test_every_link_of_the_site_leads_somewhere(built: Path) -> None:
    """On every page: to a file of the site, and to an anchor that the file has."""
    pages = {path: path.read_text() for path in built.rglob("*.html")}
    anchors = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in pages.items()}
    seen = 0
    for path, text in pages.items():
        for link in map(html.unescape, re.findall(r'<a\b[^>]*?href="([^"]*)"', text)):
            at, _, anchor = link.partition("#")
            if ":" in at or not link or link == "#":
                continue
            target = (path.parent / unquote(at)).resolve() if at else path
            assert target.is_file(), f"{path.relative_to(built)} links to {link}"
            # The list of components reads its filter from there.
            if anchor and "=" not in anchor and target in anchors:
                assert unquote(anchor) in anchors[target], f"{path.relative_to(built)} links to {link}"
            seen += 1
    assert seen > 10_000


def test_the_landing_page_leads_to_every_guide(browser: Browser, site: str) -> None:
    """In its own words, beside the list of all pages."""
    browser.open(f"{site}/index.html")
    shown = browser.ask("return [...document.querySelectorAll('article a')].map((each) => each.getAttribute('href'))")
    guides = [path.relative_to(DOCS).with_suffix(".html").as_posix() for path in (DOCS / "guides").glob("*.md")]
    assert {*guides, "resume.html", "processes.html", "sweep.html", "treatments.html", "plugins.html"} <= set(shown)
