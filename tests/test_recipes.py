"""Every shipped recipe checks, plans, draws and trains; those of the notebook do in test_notebook.py."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.language import plan_svg, plan_text
from gan_recipe.language.plan import plan_from_start
from gan_recipe.language.recipe_file import shipped_recipes
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check

WIDTHS = {
    "photographs": {"encoder": 0.125, "decoder": 0.125, "trunk": 0.125},
    "d_supervised_literal": {"encoder": 0.125, "decoder": 0.125, "trunk": 0.125},
    "d_supervised": {"encoder": 0.125, "decoder": 0.125, "trunk": 0.125},
    "dcgan": {"generator": 0.0625, "trunk": 0.0625},
    "pix2pix": {"encoder": 0.125, "trunk": 0.125},
    "siamese": {"encoder": 0.125, "decoder": 0.125, "trunk": 0.125},
    "unpaired": {name: 0.125 for name in ("brighten_in", "darken_in", "lit_trunk", "std_trunk")},
    "wgan_srgan": {"encoder": 0.125, "decoder": 0.125, "trunk": 0.125},
}
OTHERS = {
    "siamese": ["networks.identity.stop=24", "networks.attributes.first=24"],
    "wgan_srgan": ["networks.identity.stop=24", "networks.attributes.first=24"],
}


@pytest.mark.parametrize("name", sorted(name for name in shipped_recipes() if not name.startswith("notebook/")))
def test_a_shipped_recipe_trains_two_rounds(
    name: str, given: Callable[[str], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a tiny size, metrics of the run itself left at their place; the plan of its round can be drawn."""
    monkeypatch.chdir(tmp_path)
    faces = given(name)
    plain = check(name, faces)
    few = [f"data.{source}.identities=4" for source, use in plain.data_use.items() if use == "synthetic_faces"]
    few += [f"data.{source}.held_out=2" for source, use in plain.data_use.items() if use == "synthetic_faces"]
    few += [f"metrics.{metric}.samples=64" for metric, spec in plain.metrics.items() if spec.use.startswith("judged")]
    widths = [f"networks.{network}.width={width}" for network, width in WIDTHS.get(name, {}).items()]
    size = ["run.rounds=2", "run.batch=4", "run.held_out=8"]
    registry = Registry.installed()
    recipe = check(name, [*faces, *size, *few, *widths, *OTHERS.get(name, [])], registry)
    outcome = start(recipe, registry, QuietScreen(), strict=True)
    assert outcome.how == "done" and set(outcome.figures) == set(recipe.metrics)
    assert (outcome.folder.sheets / "round-000002.png").is_file() == bool(recipe.columns)
    plan = plan_from_start(recipe, 0)
    for form in (plan_text.text, plan_text.mermaid, plan_svg.svg):
        assert all(move.player.name in form(plan) for move in plan.moves)
