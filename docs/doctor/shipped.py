"""What the doctor says of runs of shipped recipes: ``python docs/doctor/shipped.py RUN...`` fills ``shipped.json``.

A run is ``NAME`` or ``NAME/N`` in ./runs or where $GAN_RECIPE_RUNS says; what was told of a recipe before is kept
unless a run of it is named. Every run is judged again from its figures, by the verdicts as they are now.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gan_recipe.check import check
from gan_recipe.diagnosis import judged_again
from gan_recipe.run_folder import RunFolder, find_run

HERE = Path(__file__).parent
TABLE = HERE / "shipped.json"
_SHOWN = ("share", "ranked", "copied")


def entry(run: RunFolder) -> dict[str, Any]:
    """What is told of the run, how far it went, and the last of what the critic makes of new samples."""
    described = run.describe()
    recipe = check(str(run.recipe))
    told = judged_again(run, recipe, described.get("parents") or {})
    last: dict[str, float] = {}
    for line in run.lines():
        for contest in {each.loss for each in recipe.contests} if hasattr(recipe, "contests") else ("gan",):
            for name in _SHOWN:
                if f"signals/held_out/{contest}/{name}" in line:
                    last[name] = round(line[f"signals/held_out/{contest}/{name}"], 2)
    return {
        "set": [word for flag, word in zip(described["command"], described["command"][1:]) if flag == "-s"],
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
