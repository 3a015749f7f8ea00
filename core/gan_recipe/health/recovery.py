"""How often a run has gone back to a healthy checkpoint, and the recipe that this has made of its own. No torch."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from gan_recipe.components.registry import Registry
from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import Problem
from gan_recipe.language.override import Change as Setting
from gan_recipe.language.override import Settings, parsed_key, places, set_at
from gan_recipe.language.recipe import Recipe, RecoverySettings
from gan_recipe.language.recipe_defaults import RecipeDefaults
from gan_recipe.language.recipe_diff import Change, as_json, from_json
from gan_recipe.language.recipe_file import Origin, RecipeFile, load
from gan_recipe.language.settable import settings_of
from gan_recipe.language.toml_file import Key
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told

_ENDS = ("from", "to")


@frozen
class Recovery:
    """One time that a run went back: a line of ``recoveries.jsonl``."""

    #: From 1.
    number: int
    #: The verdict at which it went back.
    told: Told
    #: The round of the checkpoint that it went back to.
    to: int
    #: What its recipe states differently from there on.
    changes: tuple[Change, ...]
    new_order: bool

    def line(self) -> dict[str, Any]:
        """As JSON holds it."""
        return {
            "to": self.to,
            "changes": [as_json(change) for change in self.changes],
            "new_order": self.new_order,
            "verdict": self.told.line(),
        }

    def sentence(self) -> str:
        """In plain words."""
        changes = [f"{change.name} {' -> '.join(text or '' for text in change.told)}" for change in self.changes]
        changes += ["another order of data"] * self.new_order
        return f"went back from round {self.told.round:,} to {self.to:,} at {self.told.verdict}: {'; '.join(changes)}"


def recoveries(run: RunFolder) -> list[Recovery]:
    """Those of a run, oldest first. A line that makes no sense ends them: what is after it has no place to begin."""
    found: list[Recovery] = []
    for line in run.recovery_lines():
        try:
            told, to = Told.of(line["verdict"]), line["to"]
            changes = tuple(from_json(each) for each in line["changes"])
            if told is None or type(to) is not int or to < 0:
                break
            found.append(Recovery(len(found) + 1, told, to, changes, bool(line.get("new_order"))))
        except (KeyError, TypeError, ValueError):
            break
    return found


def in_force(run: RunFolder) -> RecipeFile:
    """A run's recipe with the changes of its recoveries. Raises RecipeError or UserError as ``load`` does."""
    file = load(str(run.recipe))
    for recovery in recoveries(run):
        origin = Origin(f"{run.recoveries}:{recovery.number}", run.path)
        for change in recovery.changes:
            set_at(file, Setting(change.key, change.after, origin))
    return file


def changed(
    file: RecipeFile, recovery: RecoverySettings, registry: Registry
) -> tuple[RecipeFile, list[Change], list[Problem]]:
    """What going back once makes of a recipe, key by key; changes that are wrong are left out and told."""
    file = RecipeFile(file.name, file.shown, copy.deepcopy(file.tables), dict(file.origins))
    settings, defaults = settings_of(registry), RecipeDefaults(registry)
    changes: list[Change] = []
    problems: list[Problem] = []
    stated = [("multiply", key, value) for key, value in recovery.multiply.items()]
    stated += [("change", key, value) for key, value in recovery.change.items()]
    for part, pattern, value in stated:
        at = ("recovery", part, pattern)
        origin = file.origin(at)

        def report(what: str, at: Key = at, origin: Origin = origin) -> None:
            problems.append(Problem(origin.where, ".".join((*at[:2], f'"{at[2]}"')), what))

        found = _matched(file, pattern, settings)
        if isinstance(found, str):
            report(found)
            continue
        for key in found:
            table: Any = file.tables
            for name in key[:-1]:
                table = table[name]
            before = table.get(key[-1], defaults(key[:-1], table).get(key[-1]))
            after = value if part == "change" else _multiplied(before, value)
            if after is None:
                if table.get(key[-1]) is not None or len(found) == 1:
                    shown = "not stated" if before is None else shortened(before)
                    report(f"{'.'.join(key)} is {shown}, which cannot be multiplied")
            elif key[2:3] == ("optimizer",) and not _is_numeric(after):
                report(f"of an optimiser only numbers change, and this would be {shortened(after)}")
            elif wrong := set_at(file, Setting(key, after, origin)):
                report(wrong[0].what)
            else:
                changes.append(Change(key, before, after))
    return file, changes, problems


def is_regular(recipe: Recipe, round: int) -> bool:
    """Whether every run of the recipe makes a checkpoint of this round, wherever it is stopped between."""
    return round % recipe.run.checkpoint_every == 0 or round in recipe.run.keep_at


def within_reach(recipe: Recipe, regular: Collection[int]) -> list[int]:
    """Of regular rounds those of the last ``recovery.reach`` rounds, and the one before them."""
    if recipe.recovery is None or not regular:
        return []
    edge = max(regular) - recipe.recovery.reach
    oldest = max((round for round in regular if round <= edge), default=0)
    return sorted(round for round in regular if round >= oldest)


def _matched(file: RecipeFile, pattern: str, settings: Settings) -> list[Key] | str:
    """The keys that a pattern means, or what is wrong with it."""
    key = parsed_key(pattern)
    if key is None:
        return "expected a key, such as players.*.optimizer.lr"
    if not _may_change(key):
        return (
            "a run that goes back keeps its data, networks and optimisers. What may change are numbers of "
            "players.NAME.optimizer, its losses, balance and clip_gradients, and the schedule"
        )
    found = places(file.tables, key, settings)
    return found or f"the recipe has nothing at {pattern} that could change"


def _may_change(key: Key) -> bool:
    if key[0] == "schedule":
        return True
    if key[0] != "players" or len(key) < 3:
        return False
    if key[2] == "optimizer":
        return len(key) == 4 and key[3] != "use"
    return (key[2] == "losses" and len(key) > 3) or key[2] in ("clip_gradients", "balance")


def _multiplied(value: Any, factor: float) -> Any:
    """A number, or both ends of a ramp, times ``factor``; None for anything else."""
    if isinstance(value, Mapping) and "from" in value:
        return {name: each * factor if name in _ENDS else each for name, each in value.items()}
    if type(value) not in (int, float):
        return None
    product = value * factor
    return int(product) if type(value) is int and product == int(product) else product


def _is_numeric(value: Any) -> bool:
    return type(value) in (int, float) or (isinstance(value, list) and all(map(_is_numeric, value)))
