"""The page of one run, from the files in its folder."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from gan_recipe.errors import RunError, UserError
from gan_recipe.language.recipe_diff import Change
from gan_recipe.report.curves import curves, read_curves
from gan_recipe.report.facts import facts
from gan_recipe.report.film import films
from gan_recipe.report.outcome import outcome, time_between
from gan_recipe.report.page import cut, link, rendered
from gan_recipe.report.pictures import MOST_SHEETS
from gan_recipe.report.plan_drawing import PlanDrawing, drawn_plans
from gan_recipe.runs.family import Branch, family
from gan_recipe.runs.history import Entry, read_entry
from gan_recipe.runs.run_folder import RunFolder, all_runs

# What a page can bear. Escaping makes a character of a hostile text five.
_MOST_VERDICTS = 20
_MOST_NOTES = 20
_MOST_COMPARED = 3
_MOST_CHANGES = 75
_LONGEST_TEXT = 2_000
_LONGEST_RECIPE = 40_000


@frozen
class Figure:
    """A row of the table of figures."""

    name: str
    before: float | None
    after: float | None
    #: The same of each run that this one is held against.
    others: tuple[float | None, ...]


def run_page(run: RunFolder) -> str:
    """The page as HTML. Raises UserError when the folder is no run."""
    told = run.describe()
    entry = read_entry(run)
    series = read_curves(run)
    known = all_runs()
    film = films([run], MOST_SHEETS)
    done = max([entry.round, *(each.rounds[-1] for each in series.values() if each.rounds)])
    compared = _compared(entry, known)
    plans, no_plan = _plans(run)
    return rendered(
        "run.html.jinja",
        ["charts", "film"],
        title=run.name,
        outcome=outcome(
            entry.outcome,
            round=done,
            rounds=entry.rounds,
            name=run.name,
            took=time_between(told.get("started"), told.get("ended")),
        ),
        why=cut(entry.why, _LONGEST_TEXT),
        notes=entry.notes[-_MOST_NOTES:],
        recoveries=[cut(recovery, _LONGEST_TEXT) for recovery in entry.recoveries[:_MOST_VERDICTS]],
        verdicts=entry.verdicts[:_MOST_VERDICTS],
        verdicts_left_out=max(0, len(entry.verdicts) - _MOST_VERDICTS),
        figures=_figures(entry, compared),
        compared=[name for name, _ in compared],
        film=film,
        is_narrow=any(each.last.width < 0.95 * each.last.height for each in film),
        curves=curves([run.name], [series], _marks(entry)),
        plans=plans,
        no_plan=no_plan,
        changes=_changes(entry),
        recipe=_recipe_text(run),
        tree=family(run, known),
        link=lambda branch: _link(run, branch),
        facts=facts(told),
    )


def _marks(entry: Entry) -> list[dict[str, int | str]]:
    """The doctor's verdicts, for the page's script."""
    return [
        {"run": 0, "round": verdict.round, "verdict": verdict.verdict[:200]}
        for verdict in entry.verdicts[:_MOST_VERDICTS]
    ]


def _compared(entry: Entry, known: Iterable[RunFolder]) -> list[tuple[str, Entry]]:
    runs = {run.name: run for run in known}
    held = [(name, read_entry(runs[name])) for name in list(entry.changes)[:_MOST_COMPARED] if name in runs]
    return [(name, other) for name, other in held if other.figures]


def _figures(entry: Entry, compared: list[tuple[str, Entry]]) -> list[Figure]:
    return [
        Figure(name[:120], entry.baseline.get(name), value, tuple(other.figures.get(name) for _, other in compared))
        for name, value in list(entry.figures.items())[:100]
    ]


def _changes(entry: Entry) -> list[tuple[str, list[Change], int]]:
    """By run that it is held against: the first changes, and how many there are."""
    held = list(entry.changes.items())[:_MOST_COMPARED]
    return [(name, each[: _MOST_CHANGES // len(held)], len(each)) for name, each in held]


def _plans(run: RunFolder) -> tuple[list[PlanDrawing], str]:
    """The plans; or none, and why."""
    try:
        return drawn_plans(run), ""
    except (UserError, RunError) as error:  # RunError: its schedule may be what failed the run
        return [], cut(str(error), _LONGEST_TEXT)


def _recipe_text(run: RunFolder) -> str:
    try:
        with run.recipe.open(encoding="utf-8", errors="replace") as file:
            return cut(file.read(_LONGEST_RECIPE + 1), _LONGEST_RECIPE)
    except OSError:
        return ""


def _link(here: RunFolder, branch: Branch) -> str:
    """The way from this page to that of another run; empty where there is none."""
    # A run that has ended has a report; `gan-recipe report --all` writes what is missing.
    if branch.is_here or branch.run is None or not (branch.run.path / "run.json").is_file():
        return ""
    return link(branch.run, here.path)
