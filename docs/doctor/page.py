"""``docs/doctor.md`` from ``table.json`` and the components themselves: no figure on the page is written by hand."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases import CASES

from gan_recipe.check_doctor import SIGNALS, VERDICTS
from gan_recipe.documentation import settings
from gan_recipe.registry import Registry
from gan_recipe.summary import summary

HERE = Path(__file__).parent
_HEAD = """\
# The doctor

While a run trains, *signals* are measured in a few of its rounds, and *verdicts* are told from their history: in plain
words, with the figures, and with the recipe lines that treat it. `gan-recipe diagnose RUN` gathers them, also of a
finished run. Nothing is wired: who judges whom is read from the recipe's graph. A run with the doctor ends with the
same bits as one without.

```toml
[doctor]
every = 50                                   # rounds between two looks at a player
off = ["spectra"]                            # signals or verdicts to leave out
verdicts.mode_collapse = { diversity = 0.3 } # a verdict's settings
```

This page is written by `python docs/doctor/suite.py page`.
"""


def page(rows: list[dict[str, Any]]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_components(), *_confusion(rows), *_cures(rows), *_notebook()]) + "\n"


def _components() -> Iterator[str]:
    registry = Registry.installed()
    for title, names, kind in (("Signals", SIGNALS, "signal"), ("Verdicts", VERDICTS, "verdict")):
        yield f"## {title}\n"
        for name in names:
            cls = registry.component(name, kind)
            yield f"- **`{name}`**: {' '.join(summary(cls).split())}"
            if stated := settings(cls):
                yield "  Settings: " + "; ".join(f"`{each.name} = {each.default}`" for each in stated) + "."
            text = inspect.getdoc(cls) or ""
            if "Source: " in text:
                yield "  Source: " + " ".join(text.partition("Source: ")[2].split())
        if kind == "verdict":
            yield (
                "- **`non_finite`**: The first number that is not finite, with its loss, value and network. It costs "
                "nothing until a\n  line of figures holds one; the rounds since the last sound checkpoint are then "
                "played again."
            )
        yield ""


def _confusion(rows: list[dict[str, Any]]) -> Iterator[str]:
    seeds = sorted({row["seed"] for row in rows})
    yield "## What it tells of failures that were caused, and of healthy runs\n"
    yield (
        f"`docs/doctor/suite.py` trained each case of `docs/doctor/cases.py` with seeds {', '.join(map(str, seeds))} "
        "and default thresholds, which were\nchosen on seed 0. A verdict beside the caused one need not be a false "
        "alarm:\na critic that is too strong leaves a generator that never leaves its first cluster. "
        "On healthy runs any verdict is one. "
        "The rule of\n`sudden_collapse` was changed after it missed seed 1: its rows are of seeds 3 and 4. "
        "`saturated_generator` has no row: the generators\nthat were to saturate collapsed first; only its rule is "
        "tested."
    )
    yield "\n| case | seed | caused | told in round (must be by) | told besides |"
    yield "|---|---|---|---|---|"
    for case, row in _paired(rows):
        mine = [each["round"] for each in row["told"] if each["verdict"] == case.verdict]
        others = [f"{each['verdict']} ({each['round']})" for each in row["told"] if each["verdict"] != case.verdict]
        told = "" if case.verdict is None else f"{mine[0]} ({case.by})" if mine else f"**missed** ({case.by})"
        caused = case.verdict or "nothing: healthy"
        yield f"| {case.name} | {row['seed']} | {caused} | {told} | {', '.join(others) or '-'} |"
    healthy = [(case, row) for case, row in _paired(rows) if case.verdict is None]
    failing = [(case, row) for case, row in _paired(rows) if case.verdict]
    found = sum(is_found(case, row) for case, row in failing)
    alarms = sum(bool(row["told"]) for _, row in healthy)
    yield f"\nFound in time: {found} of {len(failing)}. Healthy runs with a false alarm: {alarms} of {len(healthy)}.\n"


def is_found(case: Any, row: dict[str, Any]) -> bool:
    """Whether the caused failure was told by its round."""
    return any(each["verdict"] == case.verdict and each["round"] <= case.by for each in row["told"])


def _cures(rows: list[dict[str, Any]]) -> Iterator[str]:
    yield "## The same runs with the cure that was stated\n"
    yield (
        "Each cure is the lines of the verdict as they stand, in a recipe that extends the failing one. Modes and "
        "diversity are\nthe means of the last three looks, over the real data's: 1 is as varied as that. A run that "
        "failed has none at its end.\n"
    )
    yield "| case | seed | verdict | cured run | still told | modes, before | after | diversity, before | after |"
    yield "|---|---|---|---|---|---|---|---|---|"
    healed = tried = 0
    for case, row in _paired(rows):
        if "cured" in row:
            tried += 1
            after = row["cured"]["told"]
            healed += not after and row["cured"]["outcome"] == "done"
            still = ", ".join(f"{verdict} ({round})" for round, verdict in after) or "-"
            both = [str(run["last"].get(name, "-")) for name in ("modes", "diversity") for run in (row, row["cured"])]
            cells = [case.name, str(row["seed"]), case.verdict, row["cured"]["outcome"], still, *both]
            yield f"| {' | '.join(cells)} |"
    yield f"\nNothing is told any more in {healed} of {tried} cured runs.\n"
    yield "| case | the cure of its first seed |"
    yield "|---|---|"
    shown: set[str] = set()
    for case, row in _paired(rows):
        mine = next((each for each in row["told"] if each["verdict"] == case.verdict and each["cure"]), None)
        if mine and case.name not in shown:
            shown.add(case.name)
            yield f"| {case.name} | {'<br>'.join(f'`{line}`' for line in mine['cure'])} |"
    pictured = {case.name for case, row in _paired(rows) if "cured" in row}
    if pictures := [case for case in CASES if case.name in pictured and (HERE / f"{case.name}.png").is_file()]:
        yield "\nBefore and after, the last sheet of the first seed:\n"
        for case in pictures:
            yield f"![{case.name}: {case.verdict}, and cured](doctor/{case.name}.png)"


def _notebook() -> Iterator[str]:
    told = json.loads((HERE / "notebook.json").read_text())
    yield "\n## Entries of the notebook, small\n"
    yield " ".join(told["how"].split()) + "\n"
    yield "| entry | its author | told | shares of gan, L1 at the image | ranked | diversity | modes | light right |"
    yield "|---|---|---|---|---|---|---|---|"
    for name, entry in told["entries"].items():
        figures = entry["figures"]
        shares = f"{figures['generator/fake/share/gan']:.2f}, {figures['generator/fake/share/l1']:.2f}"
        rest = [f"{figures[f'critic/gan/{each}']:.2f}" for each in ("ranked", "diversity", "modes")]
        light = f"{figures['metrics/judged_light']:.2f}" if "metrics/judged_light" in figures else "-"
        verdicts = ", ".join(f"{verdict} ({round})" for round, verdict in entry["told"]) or "nothing"
        yield f"| {' | '.join([name, entry['author'], verdicts, shares, *rest, light])} |"


def _paired(rows: list[dict[str, Any]]) -> Iterator[tuple[Any, dict[str, Any]]]:
    for case in CASES:
        for row in sorted(rows, key=lambda row: int(row["seed"])):
            if row["case"] == case.name:
                yield case, row
