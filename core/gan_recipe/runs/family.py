"""The runs around a run: those that its weights come from, and those that began with its own, as a tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from gan_recipe.errors import UserError
from gan_recipe.runs.run_folder import RunFolder

_MOST_BRANCHES = 100
_DEEPEST = 30


@define
class Branch:
    """A run in the tree; the branches below began with weights of it."""

    name: str
    #: None for a run whose folder is not there.
    run: RunFolder | None
    #: What was taken from the run above: networks, and the round they were of.
    taken: str
    #: How it ended, as its ``run.json`` says.
    outcome: str
    is_here: bool
    branches: list[Branch] = field(factory=list)
    #: Whether the branches are shown where the run stands in the tree before.
    shown_before: bool = False


def family(run: RunFolder, others: Iterable[RunFolder]) -> list[Branch]:
    """The tree, from the oldest ancestors on; a run with parents in several branches stands in each.

    ``others`` are the runs that are known; a name in a run's file is looked up among them and never becomes a path.
    """
    known = {other.name: other for other in others if other.path != run.path}
    known[run.name] = run
    told = {name: _told(other) for name, other in known.items()}
    parents = {name: _parents(each) for name, each in told.items()}
    children: dict[str, list[str]] = {}
    for name, from_ in parents.items():
        for parent in from_:
            children.setdefault(parent, []).append(name)
    above = reached([run.name], parents)
    members = {*above, *reached([run.name], children)}
    roots = [name for name in above if not any(parent in members for parent in parents.get(name, {}))]
    seen: set[str] = set()
    left = [_MOST_BRANCHES]

    def grown(name: str, taken: str, depth: int) -> Branch:
        left[0] -= 1
        branch = Branch(name, known.get(name), taken, str(told.get(name, {}).get("outcome", "")), name == run.name)
        below = [child for child in children.get(name, []) if child in members]
        branch.shown_before = name in seen and bool(below)
        if name not in seen and depth < _DEEPEST:
            seen.add(name)
            for child in below:
                if left[0] > 0:
                    branch.branches.append(grown(child, parents[child][name], depth + 1))
        return branch

    # Folders that somebody renamed may claim to come from each other: then the run itself is the root.
    return [grown(name, "", 0) for name in (roots or [run.name])[:_MOST_BRANCHES]]


def _told(run: RunFolder) -> dict[str, Any]:
    try:
        return run.describe()
    except UserError:
        return {}


def _parents(told: Mapping[str, Any]) -> dict[str, str]:
    """By parent run, what was taken from it."""
    stated = told.get("parents")
    taken: dict[str, dict[str, list[str]]] = {}
    for network, parent in stated.items() if isinstance(stated, dict) else ():
        if isinstance(parent, dict) and isinstance(parent.get("run"), str):
            rounds = taken.setdefault(parent["run"], {})
            rounds.setdefault(str(parent.get("round", "?")), []).append(network)
    return {
        run: "; ".join(f"{', '.join(sorted(networks))} of round {round}" for round, networks in rounds.items())
        for run, rounds in taken.items()
    }


def reached(begin: Iterable[str], edges: Mapping[str, Iterable[str]]) -> list[str]:
    """What can be reached, each once; where it begins is part of it."""
    found = dict.fromkeys(begin)
    pending = list(found)
    while pending:
        for name in edges.get(pending.pop(), ()):
            if name not in found:
                found[name] = None
                pending.append(name)
    return list(found)
