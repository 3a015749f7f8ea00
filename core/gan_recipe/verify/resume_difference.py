"""Where a run that was stopped parts from one that was not, and the likely cause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest
from pathlib import Path

from attrs import frozen

from gan_recipe.language.recipe import Recipe


@frozen
class Parting:
    """Where two runs part that should be one."""

    #: The first round after which something differs; None when the weights never do.
    round: int | None
    #: The stop before it; None when it came before any.
    stop: int | None
    #: The keys that differ.
    keys: tuple[str, ...]
    #: What differs, a line each.
    what: tuple[str, ...]


@frozen
class Difference:
    """A parting and why."""

    round: int | None
    what: tuple[str, ...]
    #: The likely cause and what to do about it.
    cause: str


@frozen
class TrialRun:
    """A run with what its processes noted."""

    root: Path
    notes: Path

    @property
    def path(self) -> Path:
        return self.root / "run" / "1"

    def digests(self) -> list[tuple[int, dict[str, str]]]:
        """Of every round, in order; a round that was trained again after a kill comes twice."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        found = [(told["round"], told["found"]) for told in map(json.loads, lines)]
        return sorted(found, key=lambda pair: int(pair[0]))

    def sheets(self) -> dict[str, str]:
        return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.path.glob("sheets/*.png")}

    def lines(self) -> dict[str, list[str]]:
        """Of every file of lines."""
        return {path.name: path.read_text().splitlines() for path in sorted(self.path.glob("*.jsonl"))}


# How often the run had gone back when it made the checkpoint.
_RECOVERIES = "state/recoveries"


def parting(straight: TrialRun, stopped: TrialRun, stops: Sequence[int]) -> Parting | None:
    """Where a run that was stopped first differs from one that was not; None when it never does."""
    mine = {(round, found.get(_RECOVERIES)): found for round, found in straight.digests()}
    for round, other in stopped.digests():
        one = mine.get(
            (round, other.get(_RECOVERIES)), other
        )  # a checkpoint that only the stop made has nothing to be compared with
        differ = sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))
        if differ:
            before = [stop for stop in stops if stop < round]
            return Parting(
                round, before[-1] if before else None, (*differ,), _by_part(differ, one.keys() | other.keys())
            )
    for name in sorted(straight.lines().keys() | stopped.lines().keys()):
        pairs = zip_longest(straight.lines().get(name, []), stopped.lines().get(name, []), fillvalue="no more lines")
        for line, its in pairs:
            if line != its:
                return Parting(None, None, (), (f"{name}, straight: {line[:160]}", f"{name}, stopped: {its[:160]}"))
    if straight.sheets() != stopped.sheets():
        names = {name for name in straight.sheets() if straight.sheets()[name] != stopped.sheets().get(name)}
        return Parting(None, None, (), (f"sheets: {', '.join(sorted(names))}",))
    return None


def explained(parted: Parting, recipe: Recipe, data_differs: Callable[[], list[str]]) -> Difference:
    """The likely cause; ``data_differs`` makes the batches again, which takes time, and names fields."""
    if parted.keys:
        cause = _cause(recipe, parted.keys, parted.stop, data_differs)
    else:
        cause = (
            "the weights are equal in every round, so that what was written or drawn depends on more than them: a "
            "signal with a memory of its own, or a network that draws from an unseeded generator when it is looked at"
        )
    return Difference(parted.round, parted.what, cause)


def _by_part(differ: Iterable[str], all_keys: Iterable[str]) -> tuple[str, ...]:
    """A line for each network, optimiser, average and so on: how many tensors differ, and the first."""
    parts: dict[str, list[str]] = {}
    for key in differ:
        part, name = _part(key)
        parts.setdefault(part, []).append(name)
    counts: dict[str, int] = {}
    for key in all_keys:
        counts[_part(key)[0]] = counts.get(_part(key)[0], 0) + 1
    return tuple(f"{part}: {len(names)} of {counts[part]}, such as {names[0]}" for part, names in parts.items())


def _part(key: str) -> tuple[str, str]:
    """``networks/trunk/0.weight`` as (network trunk, 0.weight), and the like."""
    group, _, rest = key.partition("/")
    if group == "networks":
        network, _, name = rest.partition("/")
        return f"network {network}", name
    if group == "state":
        return "state", rest
    kind, _, name = rest.partition("/")
    kinds = {"optimizer": "optimiser of", "average": "average of", "sum": "losses of"}
    return f"{kinds.get(kind, kind)} {group.removeprefix('player-')}", name


def _cause(recipe: Recipe, differ: Sequence[str], stop: int | None, data_differs: Callable[[], list[str]]) -> str:
    if fields := data_differs():
        return (
            f"batches are not a function of (seed, position): {', '.join(fields)} came out otherwise when they were "
            "made in another order. A source must keep no generator and no place of its own"
        )
    if stop is None:
        return (
            "nothing had been stopped by then: two fresh processes with one seed differ. A component draws from a "
            "generator that is not seeded (random, numpy, the clock, the order of a set), or uses an operation that "
            "is not deterministic on this device"
        )
    movers = [
        name
        for name, player in recipe.players.items()
        if any(
            key.startswith(f"player-{name}/") or key.split("/")[:2] in [["networks", each] for each in player.trains]
            for key in differ
        )
    ]
    frozen = sorted({_part(key)[0] for key in differ if key.startswith("networks/")})
    used = [f"players.{name}: {', '.join(_components(recipe, name))}" for name in movers] or frozen or sorted(differ)
    return (
        f"resumed after the stop at round {stop}, the same weights, optimisers and batches gave something else. "
        "Something is kept outside the checkpoint, such as a counter or a pool in a component. It must be a buffer of "
        f"a module, or a function of the round. What took part: {'; '.join(used)}"
    )


def _components(recipe: Recipe, player: str) -> list[str]:
    spec = recipe.players[player]
    found = [f"{loss.use} ({name})" for name, loss in spec.losses.items()]
    found += [f"{constraint.use} ({name})" for name, constraint in spec.constraints.items()]
    return found + [f"{recipe.networks[name].use} ({name})" for name in spec.trains]


def differing_fields(one: TrialRun, other: TrialRun) -> list[str]:
    """The fields of batches that two orders of making them disagree on."""
    theirs = dict(other.digests())
    return sorted(
        {name for at, found in one.digests() for name in found if found[name] != theirs.get(at, {}).get(name)}
    )
