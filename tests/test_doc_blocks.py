"""Every block of the README and of the docs is run by some test."""

from __future__ import annotations

from collections import Counter

import pytest
import test_docs_pages
import test_guides
import test_install
import test_notebook
import test_plugin_tutorial
import test_readme
import test_recovery
import test_treatments_page
from doc_blocks import Block, every_block, named, pages

from gan_recipe.components.registry import Registry
from gan_recipe.interfaces import Component

RUNNERS = (
    test_docs_pages,
    test_guides,
    test_install,
    test_notebook,
    test_plugin_tutorial,
    test_readme,
    test_recovery,
    test_treatments_page,
)
BLOCKS = every_block(pages())
#: Blocks that cannot run.
NOT_RUN = 0


def test_every_block_is_run_by_one_test() -> None:
    """Each stands in the list of what some test goes through, and in one list alone."""
    run = Counter(block for runner in RUNNERS for block in runner.RUN_HERE)
    for block in BLOCKS:
        expected = 0 if block.not_run else 1
        assert run[block] == expected, f"{block.page}:{block.line} ({block.language or 'no language'})\n{block.text}"
    assert set(run) <= set(BLOCKS) and len(BLOCKS) > 80


def test_no_more_blocks_than_known_are_left_out() -> None:
    """And each of them says why."""
    left_out = [block for block in BLOCKS if block.not_run]
    assert len(left_out) == NOT_RUN, left_out
    assert all(len(str(block.not_run)) > 15 for block in left_out)


def test_every_block_says_what_it_is() -> None:
    """A language that a test knows what to do with; Sphinx's own lists of contents are built with the site."""
    known = {"sh", "bash", "console", "text", "toml", "python", "{toctree}"}
    assert not [(block.page, block.line) for block in BLOCKS if block.language not in known]


def test_no_block_is_hidden_by_its_indentation() -> None:
    """Blocks that are marked by four spaces alone hold formulas and what a command prints, and no command."""
    for path in pages():
        fenced = False
        for number, line in enumerate(path.read_text().splitlines(), 1):
            fenced ^= line.lstrip().startswith("```")
            if not fenced and line.startswith("    "):
                words = line.split()
                assert words[0] not in ("gan-recipe", "pip", "python", "torchrun", "$"), f"{named(path)}:{number}"


@pytest.mark.parametrize("cls", [*dict.fromkeys(Registry.installed().every().values())], ids=lambda cls: cls.__name__)
def test_docstrings_of_components_hold_no_command(cls: type[Component]) -> None:
    """The example that ``show`` and the site give of a component is made from its settings, and tried as TOML."""
    text = cls.__doc__ or ""
    assert "```" not in text and ">>>" not in text and "$ " not in text


def test_a_block_is_found_where_it_stands() -> None:
    """With its line, its language, and the reason above it."""
    from doc_blocks import _blocks

    lines = ["a", "", "*Not run by the tests: it wants two GPUs.*", "", "```sh", "b", "```", "~~~", "```", "~~~"]
    assert list(_blocks("p.md", lines)) == [
        Block("p.md", 5, "sh", "b\n", "it wants two GPUs."),
        Block("p.md", 8, "", "```\n"),
    ]
