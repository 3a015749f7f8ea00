"""Trains the notebook's entries at the small size, in the order of their lineage, and writes what was measured.

    python docs/notebook/rerun.py            # train what is missing, resume what was cut short, write figures.json
    python docs/notebook/rerun.py n07 n08    # these alone
    python docs/notebook/rerun.py --table    # write figures.json from the runs that are there

Runs are kept in ./runs, or where $GAN_RECIPE_RUNS says. A run that is done is never trained again.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RunError, UserError
from gan_recipe.language.recipe_file import find_recipe, shipped_recipes
from gan_recipe.loop import launch
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds, find_run

HERE = Path(__file__).parent
FIGURES = HERE / "figures.json"
AS_PUBLISHED = HERE / "as_published"


def entries() -> list[str]:
    """The entries' names in the order of their numbers, which is an order of their lineage, then the findings'."""
    names = [name for name in shipped_recipes() if name.startswith("notebook/n")]
    names += [name for name in shipped_recipes() if name.startswith("notebook/findings/")]
    return names + [str(path) for path in sorted(AS_PUBLISHED.glob("*.toml"))]


def newest(name: str) -> RunFolder | None:
    try:
        return find_run(Path(name).stem)
    except UserError:
        return None


def run(name: str, registry: Registry) -> float | None:
    """Train the entry unless that is done; go on with it when it was cut short. CPU seconds, if it ran in one piece."""
    found = newest(name)
    outcome = found.describe().get("outcome") if found else None
    if outcome == "done":
        return None
    began = time.process_time(), time.monotonic()
    try:
        if found is None or not checkpoint_rounds(found):
            overlays = ["small"] if name.startswith("notebook/n") else []  # the findings' recipes are small as they are
            launch.start(check(name, registry=registry, overlays=overlays), registry, QuietScreen(), device="cpu")
        else:
            launch.resume(found.name, registry, QuietScreen(), device="cpu")
    except (RunError, UserError) as error:
        print(f"{name}: {error}", flush=True)
        return None
    spent = time.process_time() - began[0]
    print(f"{name}: {spent:.0f} CPU s, {time.monotonic() - began[1]:.0f} s", flush=True)
    return spent if found is None else None


def measured(name: str) -> dict[str, object] | None:
    """What a finished run tells: its figures at the end and on the way, and its losses early and late."""
    run = newest(name)
    told = run.describe() if run else {}
    if run is None or told.get("outcome") != "done":
        return None
    lines = list(run.lines())
    losses = [line for line in lines if any(_is_loss(key) for key in line)]
    way = [line for line in lines if any(key.startswith("metrics/") for key in line)]
    return {
        "rounds": told["rounds"],
        "figures": {key: _short(value) for key, value in told["figures"].items()},
        "baseline": {key: _short(value) for key, value in told.get("baseline", {}).items()},
        "on_the_way": [
            {"round": line["round"]}
            | {key.removeprefix("metrics/"): _short(line[key]) for key in line if key.startswith("metrics/")}
            for line in way
        ],
        "step_jump": _step_jump(lines),
        "first_losses": _losses(losses[:1]),
        "last_losses": _losses(losses[-1:]),
    }


def _short(value: float) -> float:
    """Four digits are more than one seed can tell."""
    return float(f"{value:.4g}")


def _step_jump(lines: list[dict[str, float]]) -> float | None:
    """The largest of Adam's steps from round 500 on, over the median of the 200 rounds before; None without a doctor
    that looks at every round."""
    steps = {line["round"]: line[key] for line in lines for key in line if key == "signals/student/step"}
    before = [steps[round] for round in range(300, 500) if round in steps]
    return round(max(steps[at] for at in steps if at > 500) / statistics.median(before), 3) if before else None


def _losses(lines: list[dict[str, float]]) -> dict[str, float]:
    return {key.replace("/loss/", "."): _short(line[key]) for line in lines for key in line if _is_loss(key)}


def _is_loss(key: str) -> bool:
    return key.split("/")[1:-1] == ["loss"]


def write(spent: Mapping[str, float | None] = MappingProxyType({})) -> None:
    """All runs' figures; CPU seconds are of the call that trained the run, for no run tells them."""
    before = json.loads(FIGURES.read_text())
    told = {Path(name).stem: found for name in entries() if (found := measured(name))}
    for name, found in told.items():
        seconds = spent.get(name) or before.get(name, {}).get("cpu_seconds")
        found["cpu_seconds"] = None if seconds is None else _short(seconds)
    FIGURES.write_text(json.dumps(told, indent=1) + "\n")


def main(words: list[str]) -> None:
    if words != ["--table"]:
        stated = {find_recipe(word).resolve() for word in words}
        sys.path.append(str(AS_PUBLISHED))  # where the plugin is that only these recipes name
        registry = Registry.installed()
        spent: dict[str, float | None] = {}
        for name in entries():
            if not stated or find_recipe(name).resolve() in stated:
                spent[Path(name).stem] = run(name, registry)
                write(spent)
    write()


if __name__ == "__main__":
    main(sys.argv[1:])
