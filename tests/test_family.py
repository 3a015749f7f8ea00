"""The tree of what a run came from and what came from it."""

from __future__ import annotations

from typing import Any

import pytest
from report_pages import made

from gan_recipe.report import write_report
from gan_recipe.runs.family import Branch, family
from gan_recipe.runs.run_folder import RunFolder, all_runs

pytestmark = pytest.mark.usefixtures("runs")


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
