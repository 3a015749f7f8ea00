"""Where a run that was stopped parts from one that was not, and the likely cause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from attrs import frozen

from gan_recipe.recipe import Recipe


@frozen
class Difference:
    """Where two runs part that should be one."""

    #: The first round after which something differs; None when the weights never do.
    round: int | None
    #: The stop before it; None when it came before any.
    stop: int | None
    #: What differs, a line each.
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

    def lines(self) -> list[str]:
        path = self.path / "metrics.jsonl"
        return path.read_text().splitlines() if path.exists() else []


def difference(
    recipe: Recipe, straight: TrialRun, stopped: TrialRun, stops: Sequence[int], data_differs: Callable[[], list[str]]
) -> Difference | None:
    """What a run that was stopped and one that was not differ in; None when in nothing."""
    mine = dict(straight.digests())
    for round, other in stopped.digests():
        one = mine.get(round, {})
        differ = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
        if differ:
            before = [stop for stop in stops if stop <= round]
            stop = before[-1] if before else None
            told = _by_part(sorted(differ), one.keys() | other.keys())
            return Difference(round, stop, told, _cause(recipe, differ, stop, data_differs))
    if straight.lines() != stopped.lines():
        pairs = zip([*straight.lines(), ""], [*stopped.lines(), ""], strict=False)
        line, its = next(pair for pair in pairs if pair[0] != pair[1])
        what = (f"metrics.jsonl, straight: {line[:160] or 'no more lines'}", f"stopped: {its[:160] or 'no more lines'}")
        cause = "the weights are equal in every round, so what was written or measured depends on more than them"
        return Difference(None, None, what, cause)
    if straight.sheets() != stopped.sheets():
        names = {name for name in straight.sheets() if straight.sheets()[name] != stopped.sheets().get(name)}
        cause = (
            "the weights are equal in every round: a network or the held-out data draws from a generator that is "
            "not a function of the sample while samples are drawn"
        )
        return Difference(None, None, (f"sheets: {', '.join(sorted(names))}",), cause)
    return None


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
