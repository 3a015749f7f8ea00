"""The fenced blocks of the README and the docs, each with the place it stands at.

The test that runs a block lists it under ``RUN_HERE``; ``test_doc_blocks.py`` demands that somebody lists every one.
A block that cannot run has, on the line above it, ``*Not run by the tests: the reason.*``, for every reader to see.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)(`{3,}|~{3,}) *(\S*)")
_NOT_RUN = re.compile(r"^\*Not run by the tests: (.+)\*$")


@frozen
class Block:
    """A fenced block: its page from the root on, the line of its fence, what it is marked as, and its text."""

    page: str
    line: int
    language: str
    text: str
    #: Why no test runs it; None where one does.
    not_run: str | None = None

    @property
    def installs(self) -> bool:
        """Whether it installs the project itself."""
        return "-m venv" in self.text or ".venv/" in self.text


def pages() -> list[Path]:
    """Everything that somebody wrote for readers, the READMEs of the example packages included."""
    docs = sorted(path for path in DOCS.rglob("*.md") if not path.name.endswith(".template.md"))
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *docs]


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: str, *languages: str) -> list[Block]:
    """The blocks of a page, such as ``docs/sweep.md``, of some languages or of all."""
    found = _blocks(page, (ROOT / page).read_text().splitlines())
    return [block for block in found if not languages or block.language in languages]


def every_block(pages: Collection[Path]) -> list[Block]:
    return [block for path in pages for block in blocks(named(path))]


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    opened: re.Match[str] | None = None
    start = 0
    for number, line in enumerate(lines, 1):
        fence = _FENCE.match(line)
        if opened is None and fence:
            opened, start = fence, number
        elif opened and fence and fence[2].startswith(opened[2]) and not fence[3]:
            text = "".join(f"{each}\n" for each in lines[start : number - 1])
            above = next((each for each in reversed(lines[: start - 1]) if each.strip()), "")
            reason = _NOT_RUN.match(above)
            yield Block(page, start, opened[3], text, reason[1] if reason else None)
            opened = None
    assert opened is None, f"{page}:{start}: the block never ends"
