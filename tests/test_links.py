"""Links of the README, of the docs and of what components say lead somewhere, also those that lead out."""

from __future__ import annotations

import http.client
import re
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from doc_blocks import DOCS, ROOT, named, pages

from gan_recipe.cli.command_reference import command_reference
from gan_recipe.components.registry import Registry
from gan_recipe.site.pages import generated_pages

ADDRESS = r"https://[\w.-]+\.[a-z]{2,}(/[\w./~%?=&#:+-]*)?"
# What an address answers that somebody's browser may see and a robot may not.
_REFUSES_ROBOTS = ("401", "403", "405", "406", "429", "503")


@pytest.fixture(scope="module")
def generated(registry: Registry) -> dict[str, str]:
    return generated_pages(registry, pictures=False) | {"reference/cli.md": command_reference()}


def links(text: str) -> list[str]:
    """Of Markdown, outside of code."""
    text = re.sub(r"^ *(```|~~~).*?^ *\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r"<(https?://[^>\s]+)>", text)


def slugs(text: str) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=named)
def test_a_link_leads_to_a_file_and_an_anchor(page: Path, generated: dict[str, str]) -> None:
    """Of the repository or of the generated pages; one that leads out is a well-formed https address."""
    text = page.read_text()
    for link in links(text):
        at, _, anchor = link.partition("#")
        if ":" in at:
            assert re.fullmatch(ADDRESS, link), link
            continue
        target = (page.parent / at).resolve() if at else page
        inside = target.relative_to(DOCS).as_posix() if target.is_relative_to(DOCS) else ""
        assert target.exists() or inside in generated, f"{named(page)} links to {link}"
        assert target.is_relative_to(ROOT), f"{named(page)} links out of the repository: {link}"
        if anchor and (target.suffix == ".md" or inside in generated):
            found = slugs(target.read_text() if target.exists() else generated[inside])
            assert anchor in found, f"{named(page)} links to {link}; there are {sorted(found)}"


def test_links_of_generated_pages_lead_to_pages(generated: dict[str, str]) -> None:
    """To each other, or to pages that somebody wrote."""
    seen = 0
    for page, text in generated.items():
        for link in links(text):
            at = link.partition("#")[0]
            if not at or ":" in at:
                assert not at or re.fullmatch(ADDRESS, link), link
                continue
            target = (DOCS / page).parent / at
            inside = Path(*_flat((DOCS / page).parent.relative_to(DOCS) / at)).as_posix()
            assert inside in generated or target.resolve().exists(), f"{page} links to {link}"
            seen += 1
    assert seen > 500


def _flat(path: Path) -> list[str]:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return parts


OUTSIDE = sorted({link for page in pages() for link in links(page.read_text()) if ":" in link.partition("#")[0]})


@pytest.fixture(scope="module")
def network() -> None:
    """Skips where no outside host answers at all: nothing can then be said of a single address."""
    told = ""
    for host in sorted({link.split("/")[2] for link in OUTSIDE}):
        try:
            connection = http.client.HTTPSConnection(host, timeout=10)
            connection.request("HEAD", "/")
            connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            told = f"{host}: {error}"
        else:
            return
    pytest.skip(f"no outside host answers here ({told}), so links that lead out are checked by their form alone")


@pytest.mark.slow
@pytest.mark.parametrize("link", OUTSIDE)
def test_a_link_that_leads_out_is_answered(link: str, network: None) -> None:
    """A page that is not there and a host that is not fail; one that refuses robots is told as skipped."""
    answers = answer(link)
    assert answers in ("", *_REFUSES_ROBOTS), f"{link}: {answers}"
    if answers:
        pytest.skip(f"{link} answers {answers}: it may refuse robots")


def answer(link: str) -> str:
    """Nothing where the address gives a page, else the status or what failed; HEAD first, for it costs least."""
    told = ""
    for method in ("HEAD", "GET"):
        asked = urllib.request.Request(link, method=method, headers={"User-Agent": "Mozilla/5.0 (link check)"})
        try:
            urllib.request.urlopen(asked, timeout=20)
            return ""
        except urllib.error.HTTPError as error:
            told = str(error.code)
            if told not in _REFUSES_ROBOTS:
                return told
        except (OSError, http.client.HTTPException) as error:
            return str(error)
    return told


class _Host(BaseHTTPRequestHandler):
    """Gives a page to GET alone at ``/shy``, refuses everybody at ``/private``, and has nothing else."""

    def do_HEAD(self) -> None:
        self._answer({"/page": 200, "/shy": 405, "/private": 403})

    def do_GET(self) -> None:
        self._answer({"/page": 200, "/shy": 200, "/private": 403})

    def _answer(self, known: dict[str, int]) -> None:
        self.send_response(known.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


def test_the_check_of_addresses_tells_them_apart() -> None:
    """Tried on a host of its own: a page, one that wants GET, a refusal, nothing there, nobody there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{server.server_port}"
    assert [answer(f"{at}/{page}") for page in ("page", "shy", "private", "gone")] == ["", "", "403", "404"]
    server.shutdown()
    server.server_close()
    assert "refused" in answer(f"{at}/page")
