"""How often a run has gone back to a healthy checkpoint, and the recipe that this has made of its own."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from gan_recipe.language.override import Override, set_at
from gan_recipe.language.recipe_diff import Change, as_json, from_json
from gan_recipe.language.recipe_file import Origin, RecipeFile, load
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.runs.verdicts import Told


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
            set_at(file, Override(change.key, change.after, origin))
    return file
