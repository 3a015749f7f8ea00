"""What the doctor says of the notebook's entries: ``python docs/doctor/notebook.py`` fills ``notebook.json``.

The runs are those of ``docs/notebook/rerun.py``, kept in ./runs or where $GAN_RECIPE_RUNS says; it trains what is
missing, parents included. ``notebook.py longer n13 n28`` fills ``notebook_longer.json`` from the newest runs of these
entries there, which ``gan-recipe run n13 --with-parents --overlay small -s run.scale=0.1`` makes. Every run is judged
again from its figures, by the verdicts as they are now.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from gan_recipe.errors import UserError
from gan_recipe.health.diagnosis import judged_again
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, find_run

HERE = Path(__file__).parent
#: The entries that were to be tried, and what their author says that a signal can tell.
AUTHOR = {
    "n07": "the critic is too strong",
    "n08": "the losses look fine; mode collapse, artifacts",
    "n09": "mode collapse; losses below 0",
    "n11": "L1 leads the gradient; the critic's losses fall, the gan loss rises",
    "n13": "mode collapse, one image for all, artifacts",
    "n22": "keep; pose and light confused",
    "n28": "very good until round 19,800, then mode collapse",
}
_SEEN = ("ranked", "diversity", "modes")


def entry(name: str) -> dict[str, Any]:
    """What a finished run tells. Raises UserError when it was not trained to its end."""
    full = next(Path(each).name for each in shipped_recipes() if Path(each).name.startswith(name))
    run = find_run(full)
    described = run.describe()
    if described.get("outcome") != "done":
        raise UserError(f"{run.name} is not done; `python docs/notebook/rerun.py {name}` goes on with it")
    told = judged_again(run, check(str(run.recipe)), described.get("parents") or {})
    return {
        "author": AUTHOR[name],
        "rounds": described["rounds"],
        "scale": described["scale"],
        "told": [[each.round, each.verdict, each.about] for each in told],
        "figures": _figures(run) | {each: round(described["figures"][each], 3) for each in ("judged_light", "rank_1")},
    }


def _figures(run: RunFolder) -> dict[str, float]:
    """Means of the last three looks."""
    wanted = [f"critic/gan/{each}" for each in _SEEN] + [f"generator/fake/share/{each}" for each in ("gan", "l1")]
    wanted += ["generator/code/share/gan"]
    seen: dict[str, list[float]] = {name: [] for name in wanted}
    for line in run.lines():
        for name in wanted:
            if f"signals/{name}" in line:
                seen[name].append(line[f"signals/{name}"])
    return {name: round(sum(values[-3:]) / len(values[-3:]), 4) for name, values in seen.items() if values}


def main(words: list[str]) -> None:
    table = HERE / ("notebook_longer.json" if words[:1] == ["longer"] else "notebook.json")
    kept = json.loads(table.read_text()) if words and table.exists() else {}
    kept |= {name: entry(name) for name in words[1:] or AUTHOR}
    table.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
