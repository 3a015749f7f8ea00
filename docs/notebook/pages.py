"""Writes docs/notebook/index.md and findings.md from figures.json and from the recipes' own words.

    python docs/notebook/pages.py

Whether a run agrees with a verdict is decided by the rules below, the same for all entries, and by nothing else.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gan_recipe.language.recipe_file import shipped_folder

HERE = Path(__file__).parent
Run = Mapping[str, Any]


def _critic(run: Run, when: str) -> float:
    return float(run[f"{when}_losses"].get("critic.gan", float("nan")))


def _gan(run: Run, when: str) -> float:
    return float(run[f"{when}_losses"].get("generator.gan", float("nan")))


#: What a verdict claims, in words with the rule, and the rule. Thresholds are those of the failures' table: diversity
#: under 0.6 is collapse, sharpness under 0.85 blur and above 1.15 noise or artifacts. Where the truth's light is random
#: and untold, not even the best output could be as diverse as the truth: there N01's, which has no critic, is allowed.
CLAIMS: dict[str, tuple[str, Callable[[Run], bool]]] = {
    "collapse": (
        "mode collapse (diversity below 0.6 of what this truth allows)",
        lambda run: run["figures"]["diversity"] < 0.6 * run["allowed_diversity"],
    ),
    "blurry": ("blurry (sharpness below 0.85)", lambda run: run["figures"]["sharpness"] < 0.85),
    "artifacts": ("artifacts (sharpness above 1.15)", lambda run: run["figures"]["sharpness"] > 1.15),
    "recognisable": (
        "recognisable (rank-1 above the input's)",
        lambda run: run["figures"]["rank_1"] > run["baseline"]["rank_1"],
    ),
    "bad": ("bad (rank-1 no better than the input's)", lambda run: not CLAIMS["recognisable"][1](run)),
    "light_lost": ("light lost (told right in less than 0.1)", lambda run: run["figures"]["judged_light"] < 0.1),
    "pose_confused": ("pose confused (told right in less than half)", lambda run: run["figures"]["judged_pose"] < 0.5),
    "too_strong": ("critic too strong (its loss below 0.3)", lambda run: _critic(run, "last") < 0.3),
    "losses_fine": ("losses look fine (the critic's above 1)", lambda run: _critic(run, "last") > 1),
    "below_zero": ("critic's loss below 0", lambda run: _critic(run, "last") < 0),
    "critic_falls": (
        "critic's loss falls (by half and more)",
        lambda run: _critic(run, "last") < 0.5 * _critic(run, "first"),
    ),
    "gan_rises": ("gan rises (by half and more)", lambda run: _gan(run, "last") > 1.5 * _gan(run, "first")),
}

#: What each verdict claims, as far as a figure can tell; the others claim nothing that was measured.
VERDICTS: dict[str, tuple[str, ...]] = {
    "n01": ("recognisable", "blurry"),
    "n07": ("too_strong",),
    "n08": ("losses_fine", "collapse", "artifacts"),
    "n09": ("below_zero", "collapse"),
    "n10": ("recognisable",),
    "n11": ("critic_falls", "gan_rises"),
    "n12": ("recognisable",),
    "n13": ("collapse", "artifacts", "critic_falls", "gan_rises"),
    "n14": ("artifacts",),
    "n16": ("collapse",),
    "n17": ("collapse",),
    "n18": ("collapse",),
    "n19": ("gan_rises",),
    "n20": ("gan_rises",),
    "n22": ("recognisable", "pose_confused", "light_lost"),
    "n23": ("recognisable", "pose_confused", "light_lost"),
    "n25": ("collapse", "critic_falls"),
    "n26": ("collapse",),
    "n27": ("light_lost",),
    "n28": ("collapse",),
    "n29": ("bad",),
    "n30": ("bad",),
    "n32": ("recognisable",),
}
FIGURES = ("l1", "rank_1", "sharpness", "judged_pose", "judged_light", "diversity")
_NOT_RUN = "The small run was not made yet: `python docs/notebook/rerun.py {}` makes it."


def index(measured: Mapping[str, Run]) -> str:
    """The 32 entries, one section each."""
    told = {name: {**run, "allowed_diversity": _allowed_diversity(name, measured)} for name, run in measured.items()}
    paths = sorted((shipped_folder() / "notebook").glob("n*.toml"))
    run = [path.stem for path in paths if path.stem in told]
    agreed = [agrees(name, told[name]) for name in run]
    lines = [(HERE / "introduction.template.md").read_text().rstrip(), ""]
    lines += [
        f"{len(run)} of {len(paths)} recipes have been run so far. Of {sum(map(len, agreed))} claims that those runs "
        f"can test, {sum(map(sum, agreed))} came out as the author says.",
        "",
        "| entry | L1 | rank-1 | sharpness | pose | light | diversity | agrees |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(path.stem, told.get(path.stem)) for path in paths]
    for path in paths:
        lines += ["", *_section(path, told.get(path.stem))]
    return "\n".join(lines) + "\n"


def agrees(name: str, run: Run) -> list[bool]:
    """Whether each claim of the entry's verdict came out."""
    return [CLAIMS[claim][1](run) for claim in VERDICTS.get(name[:3], ())]


def findings(told: Mapping[str, Run]) -> str:
    """The page on what is known better today; ``{{run.figure}}`` in its text is a figure."""

    def figure(match: re.Match[str]) -> str:
        run, _, path = match[1].partition(":")
        if run not in told:
            return "(not run yet)"
        found: Any = told[run]
        for part in path.split("/"):
            found = found[part]
        return f"{found:.3g}"

    return re.sub(r"\{\{(.+?)\}\}", figure, (HERE / "findings.template.md").read_text())


def _allowed_diversity(name: str, measured: Mapping[str, Run]) -> float:
    without_critic = measured.get("n01_siamese_train")
    return float(without_critic["figures"]["diversity"]) if without_critic and name < "n28" else 1.0


def _row(name: str, run: Run | None) -> str:
    if run is None:
        return f"| [{name}](#{_anchor(name)}) |" + " - |" * (len(FIGURES) + 1)
    claims = agrees(name, run)
    agreed = f"{sum(claims)} of {len(claims)}" if claims else "no claim"
    figures = " | ".join(f"{run['figures'][figure]:.2f}" for figure in FIGURES)
    return f"| [{name}](#{_anchor(name)}) | {figures} | {agreed} |"


def _section(path: Path, run: Run | None) -> list[str]:
    text = path.read_text()
    comment = [line.removeprefix("#").strip() for line in text.splitlines() if line.startswith("#")]
    lines = [f"## {path.stem}", "", f"`recipes/notebook/{path.name}`", ""]
    lines += [line or "" for line in comment]
    body = text.split("\n\n", 1)[1] if "\n\n" in text else ""
    stated = f"It extends `{_extends(text)}` and changes " + ("this:" if body else "nothing.")
    lines += ["", stated]
    if body:
        lines += ["", "```toml", body.rstrip(), "```"]
    if run is None:
        return [*lines, "", _NOT_RUN.format(path.stem[:3])]
    shown = ", ".join(f"{figure.replace('_', ' ')} {run['figures'][figure]:.3g}" for figure in FIGURES)
    lines += ["", f"**Measured** after {run['rounds']:,} rounds: {shown}. {_losses(run)}"]
    claims = VERDICTS.get(path.stem[:3], ())
    if not claims:
        return [*lines, "", "The verdict claims nothing that these figures could test."]
    held = agrees(path.stem, run)
    lines += ["", "**Verdict and run:** " + "; ".join(
        f"{CLAIMS[claim][0]}: {'yes' if ok else 'no'}" for claim, ok in zip(claims, held, strict=True)
    ) + "."]  # fmt: skip
    return lines


def _losses(run: Run) -> str:
    if "critic.gan" not in run["last_losses"]:
        return f"The L1 term ended at {run['last_losses'].get('generator.l1', float('nan')):.3g}."
    critic = f"{_critic(run, 'first'):.3g} to {_critic(run, 'last'):.3g}"
    return f"The critic's loss went from {critic}, gan from {_gan(run, 'first'):.3g} to {_gan(run, 'last'):.3g}."


def _extends(text: str) -> str:
    found = re.search(r'^extends = "(.+)"', text, re.MULTILINE)
    assert found, "an entry extends another or a base"
    return found[1]


def _anchor(name: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "", name.lower())


def main() -> None:
    told = json.loads((HERE / "figures.json").read_text())
    (HERE / "index.md").write_text(index(told))
    (HERE / "findings.md").write_text(findings(told))


if __name__ == "__main__":
    sys.exit(main())
