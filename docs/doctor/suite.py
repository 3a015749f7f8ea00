"""The doctor's proof: ``python docs/doctor/suite.py run --seeds 1 2`` fills ``table.json``, ``page`` writes the page.

Every case is trained for each seed in a folder of its own; where it fails as it should and the doctor states a cure,
the cured recipe is trained too. What is in the table already is not trained again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
from cases import CASES, Case  # noqa: E402

from gan_recipe.runs.recoveries import recoveries  # noqa: E402
from gan_recipe.runs.run_folder import RunFolder, find_run  # noqa: E402

TABLE = HERE / "table.json"
#: Figures are kept to so many decimals, others to two.
_PLACES = {"distance": 3}
#: What was told, how the run ended, and its last figures.
Trained = tuple[list[dict[str, Any]], str, dict[str, float]]


def run(
    case: Case, seed: int, folder: Path, *, cure: bool = True, others: bool = False, picture: bool = False
) -> dict[str, Any]:
    """Train a case, its cure where one is told, and other cures if asked for; what was told of each, and a picture."""
    began = time.perf_counter()
    base = (HERE / f"{case.base}.toml").as_posix()
    parent = next((each for each in CASES if each.name == case.parent), None)
    if parent is not None and not (folder / "runs" / parent.name).exists():
        _train(folder, parent.name, base, parent.lines, seed)
    told, outcome, last = _train(folder, case.name, base, case.lines, seed)
    result: dict[str, Any] = {
        "case": case.name,
        "seed": seed,
        "outcome": outcome,
        "last": last,
        "told": [{key: each[key] for key in ("round", "verdict", "told", "figures", "cure")} for each in told],
    }
    mine = next((each for each in told if each["verdict"] == case.verdict and each["cure"]), None)
    if cure and mine:
        result["cured"] = _treated(folder, case, f"{case.name}_cured", mine["cure"])
        if picture:
            _picture(folder, case.name)
    if others and mine:
        result["others"] = [
            {"cure": lines} | _treated(folder, case, f"{case.name}_or_{number}", lines)
            for number, lines in enumerate(mine.get("others", ()), 1)
        ]
    result["seconds"] = round(time.perf_counter() - began)
    return result


def _treated(folder: Path, case: Case, name: str, lines: list[str]) -> dict[str, Any]:
    """The case with these lines over it, to its end; how often it went back, where they have it do so."""
    path = folder / f"{case.name}.toml"
    told, outcome, last = _train(folder, name, path.as_posix(), "\n".join(lines), None)
    back = len(recoveries(find_run(name)))
    told_still = [[each["round"], each["verdict"]] for each in told]
    return {"outcome": outcome, "last": last, "told": told_still} | ({"went_back": back} if back else {})


def _picture(folder: Path, name: str) -> None:
    """The last sheets of the failing and the cured run, side by side."""
    from PIL import Image

    sheets = [sorted((folder / "runs" / run / "1" / "sheets").glob("*.png")) for run in (name, f"{name}_cured")]
    images = [Image.open(each[-1]).convert("RGB") for each in sheets if each]
    both = Image.new("RGB", (sum(each.width for each in images) + 12, max(each.height for each in images)), "white")
    both.paste(images[0], (0, 0))
    both.paste(images[-1], (both.width - images[-1].width, 0))
    both.thumbnail((900, 460))
    both.quantize(64).save(HERE / f"{name}.png", optimize=True)


def _train(folder: Path, name: str, base: str, lines: str, seed: int | None) -> Trained:
    from gan_recipe.cli.screen import QuietScreen
    from gan_recipe.components.registry import Registry
    from gan_recipe.errors import RunError
    from gan_recipe.loop.launch import start
    from gan_recipe.runs.check_recipe import check

    os.chdir(folder)
    path = folder / f"{name}.toml"
    path.write_text(f"extends = {json.dumps(base)}\n{lines}\n")
    registry = Registry.installed()
    recipe = check(str(path), [] if seed is None else [f"run.seed={seed}"], registry)
    if seed is not None:
        # The cure extends the file: the seed must be in it, not only on the command line.
        path.write_text(_with_seed(path.read_text(), seed))
        recipe = check(str(path), [], registry)
    try:
        outcome = start(recipe, registry, QuietScreen(), name=name).how
    except RunError:
        outcome = "failed"
    folder_of_run = find_run(name)
    return list(folder_of_run.verdict_lines()), outcome, last_figures(folder_of_run)


def last_figures(run: RunFolder) -> dict[str, float]:
    """How varied the outputs of a run's last three looks were, over the real data, how little varied at
    worst, what became of new samples, and how many clusters were found and how well at its end: no verdict has a say
    in it."""
    wanted = {f"signals/critic/gan/{name}": name for name in ("diversity", "modes")}
    wanted |= {f"signals/held_out/gan/{name}": name for name in ("gap", "copied", "distance")}
    wanted["critic/loss/light"] = "light"
    seen: dict[str, list[float]] = {}
    for line in run.lines():
        for figure, name in wanted.items():
            if figure in line:
                seen.setdefault(name, []).append(line[figure])
    last = {name: round(sum(values[-3:]) / len(values[-3:]), _PLACES.get(name, 2)) for name, values in seen.items()}
    if "distance" in seen:
        last["nearest"] = round(min(seen["distance"]), 3)
    if "diversity" in seen:
        last["lowest"] = round(min(seen["diversity"]), 2)
    metrics = run.describe().get("figures") or {}
    return last | {name: round(metrics[name], 2) for name in ("found", "good") if name in metrics}


def _with_seed(text: str, seed: int) -> str:
    if "[run]\n" in text:
        return text.replace("[run]\n", f"[run]\nseed = {seed}\n", 1)
    first, _, rest = text.partition("\n")
    return f"{first}\n[run]\nseed = {seed}\n{rest}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["run", "page"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--cases", nargs="+", default=[case.name for case in CASES])
    parser.add_argument("--others", action="store_true", help="train every cure of the verdict, not only the first")
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--folder", type=Path, help="where runs are kept; a temporary one by default")
    chosen = parser.parse_args()
    if chosen.what == "page":
        from page import page

        (HERE.parent / "doctor.md").write_text(page(json.loads(TABLE.read_text())))
        return
    rows = json.loads(chosen.table.read_text()) if chosen.table.exists() else []
    done = {(row["case"], row["seed"]) for row in rows}
    for case in CASES:
        for seed in chosen.seeds:
            if case.name not in chosen.cases or (case.name, seed) in done:
                continue
            folder = (chosen.folder or Path(tempfile.mkdtemp())) / f"seed-{seed}"
            folder.mkdir(parents=True, exist_ok=True)
            new = case.name not in {row["case"] for row in rows}
            row = run(case, seed, folder.resolve(), others=chosen.others, picture=new)
            rows.append(row)
            chosen.table.write_text(json.dumps(rows, indent=1) + "\n")
            told = [(each["round"], each["verdict"]) for each in row["told"]]
            print(case.name, seed, case.verdict, told, row.get("cured"), f"{row['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
