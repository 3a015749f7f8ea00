"""What the doctor told of a run: the lines of ``verdicts.jsonl``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import frozen

from gan_recipe.runs.lenient_json import count, numbers, texts
from gan_recipe.runs.run_folder import RunFolder


@frozen
class Told:
    """A verdict as it was told: a line of ``verdicts.jsonl``."""

    round: int
    verdict: str
    told: str
    figures: Mapping[str, float]
    cure: tuple[str, ...]
    about: str = ""
    #: The round of the first figures that show it; None where those of ``round`` do.
    since: int | None = None
    others: tuple[tuple[str, ...], ...] = ()

    @property
    def treatments(self) -> tuple[tuple[str, ...], ...]:
        """The cure and the others, each the lines of a recipe of its own."""
        return tuple(each for each in (self.cure, *self.others) if each)

    def line(self) -> dict[str, Any]:
        """As JSON holds it."""
        line = {"round": self.round, "verdict": self.verdict, "told": self.told, "figures": dict(self.figures)}
        line |= {"cure": list(self.cure)}
        line |= {"about": self.about} if self.about else {}
        line |= {"since": self.since} if self.since is not None else {}
        return line | ({"others": [list(each) for each in self.others]} if self.others else {})

    @classmethod
    def of(cls, line: Any) -> Told | None:
        """Read a line back, whoever wrote it; None for one that tells of no verdict."""
        if not isinstance(line, dict) or "verdict" not in line:
            return None
        since, others = line.get("since"), line.get("others")
        return cls(
            count(line.get("round")),
            str(line["verdict"]),
            str(line.get("told", "")),
            numbers(line.get("figures")),
            texts(line.get("cure")),
            str(line.get("about", "")),
            since if type(since) is int else None,
            tuple(map(texts, others)) if isinstance(others, list) else (),
        )


def verdicts(run: RunFolder) -> list[Told]:
    """Those of a run, oldest first; lines that are none are passed over. Raises UserError for a locked file."""
    return [told for line in run.verdict_lines() if (told := Told.of(line)) is not None]
