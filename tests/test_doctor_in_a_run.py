"""The doctor in a run and of its files: the first number that is none, anybody's signals, and mistakes in its table."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from attrs import frozen
from click.testing import CliRunner
from torch import Tensor

from gan_recipe import Finding, Signal, Verdict
from gan_recipe.cli.program import cli
from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, RunError
from gan_recipe.health.diagnosis import diagnosis, judged_again
from gan_recipe.loop.launch import start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import find_run

DOCTOR = Path(__file__).parents[1] / "docs" / "doctor"


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_first_number_that_is_none_is_traced() -> None:
    """The run fails with the round, the value and its network; the verdict is kept with them."""
    Path("nan.toml").write_text(
        f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\n[players.generator]\noptimizer.lr = 1e30\n'
    )
    registry = Registry.installed()
    with pytest.raises(RunError, match=r"became (nan|-?inf) before round 50\. In round 1 .*network generator made it"):
        start(check("nan.toml", registry=registry), registry, QuietScreen())
    (told,) = [line for line in find_run("nan").verdict_lines() if line["verdict"] == "non_finite"]
    assert told["round"] == 1 and told["about"] == "critic" and "fake" in told["told"]
    assert told["cure"] == ["[players.generator]", "optimizer.lr = 0.001"]  # the critic's rate is not wild


@frozen
class Mean(Signal):
    """The mean of what is made."""

    def at_move(self, moment: Any) -> Mapping[str, Tensor | float]:
        torch.rand(100)  # a careless signal: the run must not notice
        return {f"{each.loss}/mean": moment.value(each.made).mean() for each in moment.judges}


@frozen
class Broken(Signal):
    """Fails."""

    def at_move(self, moment: Any) -> Mapping[str, Tensor | float]:
        raise KeyError("what")


@frozen
class Always(Verdict):
    """Tells of whatever was measured."""

    def judge(self, case: Any) -> list[Finding]:
        series = case.series("critic/gan/mean")
        return [Finding("seen", {"mean": series.last})] if len(series) else []


def with_strangers() -> Registry:
    from gan_recipe.hooks import hookimpl

    class Plugin:
        @hookimpl
        def gan_recipe_components(self) -> dict[str, Any]:
            return {"mean": Mean, "broken": Broken, "always": Always}

    from gan_recipe.components.registry import Plugin as Registered

    registry = Registry.installed()
    bare = registry.plugins["gan_recipe"]
    acme = Registered("acme", bare.entry_point, ["acme 1.0"])
    acme.components = Plugin().gan_recipe_components()
    registry.plugins["acme"] = acme
    return registry


def test_anybodys_signal_and_verdict_join_in_and_cannot_disturb() -> None:
    """Named in the recipe; the run's random numbers stay; one that fails is named, and measured no more."""
    ring = f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\n'
    Path("plain.toml").write_text(ring)
    Path("strange.toml").write_text(
        f'{ring}[doctor]\nevery = 10\nsignals.mean = {{ use = "acme.mean" }}\n'
        'signals.broken = { use = "acme.broken" }\nverdicts.always = { use = "acme.always" }\n'
    )
    registry = with_strangers()
    plain = start(check("plain.toml", registry=registry), registry, QuietScreen()).folder
    with pytest.warns(RuntimeWarning, match="the signal 'broken' failed and is measured no more: KeyError"):
        strange = start(check("strange.toml", registry=registry), registry, QuietScreen()).folder
    for path in (plain.checkpoints / "00000060").glob("*.safetensors"):
        assert path.read_bytes() == (strange.checkpoints / "00000060" / path.name).read_bytes()
    assert [line["verdict"] for line in strange.verdict_lines()] == ["always"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("[doctor]\nevry = 3", r"doctor.evry: .*Did you mean 'every'"),
        ('[doctor]\noff = ["spectre"]', r"doctor.off: .*Did you mean 'spectra'"),
        ("[doctor]\nverdicts.mode_collapse = { diversty = 1.0 }", r"diversty: .*Did you mean 'diversity'"),
        ('[doctor]\nsignals.mine = { use = "critic_score" }', r"signals.mine.use: .*Did you mean 'critic_scores'"),
        ('[doctor]\nsignals.mine = { use = "mode_collapse" }', r"'mode_collapse' is a verdict; expected: signal"),
    ],
)
def test_a_mistake_in_the_doctors_table_is_placed(lines: str, message: str) -> None:
    """File, line, key and cure, as everywhere in a recipe."""
    Path("mine.toml").write_text(f'extends = "{DOCTOR / "ring.toml"}"\n{lines}\n')
    with pytest.raises(RecipeError, match=message):
        check("mine.toml")


def test_a_run_is_judged_again_from_its_files() -> None:
    """Without ``verdicts.jsonl`` the figures tell the same; a family is a tree; what is not measured is said."""
    lines = f'extends = "{DOCTOR / "ring.toml"}"\n[run]\nrounds = 60\nkeep_at = [50]\n'
    touchy = lines + "[doctor]\nevery = 5\nverdicts.mode_collapse = { diversity = 9.0, grace = 0 }\n"
    Path("touchy.toml").write_text(touchy)
    registry = Registry.installed()
    folder = start(check("touchy.toml", registry=registry), registry, QuietScreen()).folder
    live = [each.verdict for each in diagnosis(folder).told]
    recipe = check(str(folder.recipe))
    assert live == [each.verdict for each in judged_again(folder, recipe, {})] and "mode_collapse" in live
    assert "label faithfulness" in diagnosis(folder).unmeasured
    Path("child.toml").write_text(touchy.replace("[run]", '[networks.generator]\nstart = "touchy@50"\n[run]'))
    child = start(check("child.toml", registry=registry), registry, QuietScreen()).folder
    told = CliRunner().invoke(cli, ["diagnose", child.name, "--family"]).output.splitlines()
    heads = [line for line in told if re.match(r" *\w+/1: ", line)]
    assert [line.partition(":")[0] for line in heads] == ["touchy/1", "  child/1"]
    shutil.move(folder.path, "elsewhere")
    told = CliRunner().invoke(cli, ["diagnose", child.name, "--family"]).output.splitlines()
    assert told[0] == "touchy/1: its folder is not here" and told[1].startswith("  child/1: done")
