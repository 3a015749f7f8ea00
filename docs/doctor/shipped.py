"""What the doctor says of runs of shipped recipes: ``python docs/doctor/shipped.py RUN...`` fills ``shipped.json``.

A run is ``NAME`` or ``NAME/N`` in ./runs or where $GAN_RECIPE_RUNS says; what was told of a recipe before is kept
unless a run of it is named. Every run is judged again from its figures, by the verdicts as they are now.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gan_recipe.health.diagnosis import judged_again
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, find_run

HERE = Path(__file__).parent
TABLE = HERE / "shipped.json"
_SHOWN = ("share", "ranked", "copied")


def entry(run: RunFolder) -> dict[str, Any]:
    """What is told of the run, how far it went, its metrics, and its last look at new samples (loss ``gan``)."""
    described = run.describe()
    told = judged_again(run, check(str(run.recipe)), described.get("parents") or {})
    last: dict[str, float] = {}
    for line in run.lines():
        for name in _SHOWN:
            if f"signals/held_out/gan/{name}" in line:
                last[name] = round(line[f"signals/held_out/gan/{name}"], 2)
    command = described["command"]
    stated = [command[place + 1] for place, word in enumerate(command[:-1]) if word == "-s"]
    return {
        "set": [each for each in stated if not each.partition("=")[0].endswith(".folder")],  # a place is no change
        "rounds": described["round"],
        "of": described["rounds"],
        "told": [[each.round, each.verdict, each.told] for each in told],
        "held_out": last,
        "figures": {name: round(value, 3) for name, value in (described.get("figures") or {}).items()},
    }


def main(words: list[str]) -> None:
    kept = json.loads(TABLE.read_text()) if TABLE.exists() else {}
    for word in words:
        run = find_run(word)
        kept[run.name.partition("/")[0]] = entry(run)
    TABLE.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
