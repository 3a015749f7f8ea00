"""A plugin that fails in build, in the rehearsal or in round 17 is named, and the run goes on once it is mended."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import Done

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError, RunError
from gan_recipe.loop.component_failure import FAILURE
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

PLUGIN = '''
"""Components that are sound but for one round, or for one moment before the first."""

from __future__ import annotations

import os
from collections.abc import Mapping

from attrs import frozen

from gan_recipe import Constraint, Data, Field, Head, Loss, Metric, Schedule, hookimpl

_round = 0


def strike(where):
    """Raise where the environment says so: in round 17, or at once."""
    if os.environ.get("SHAKY") == f"{where} now" or (os.environ.get("SHAKY") == where and _round == 17):
        return [][_round]


@frozen
class Network(Head):
    """A linear layer."""

    def traits(self):
        strike("traits")

    def build(self, *inputs):
        import torch
        from torch import nn

        strike("build")

        class Backward(torch.autograd.Function):
            @staticmethod
            def forward(context, x):
                return x.clone()

            @staticmethod
            def backward(context, gradient):
                strike("backward")
                return gradient

        class Shaky(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = nn.Linear(inputs[0].shape[1], 8)

            def at_round(self, round):
                global _round
                _round = round
                strike("at_round")

            def forward(self, x):
                strike("forward")
                return Backward.apply(self.layer(x))

        return Shaky()


@frozen
class Critic(Loss):
    """The difference of two mean scores."""

    def __call__(self, real, fake):
        strike("loss")
        return (fake - real).mean().square()


@frozen
class Bound(Constraint):
    """Does nothing."""

    def clips_norms(self):
        return strike("clips_norms") is not None

    def attach(self, network):
        strike("attach")

    def enforce(self, network):
        strike("constraint")


@frozen
class Together(Schedule):
    """All players, every round."""

    def names(self):
        strike("names")
        return ()

    def moves(self, round, players):
        strike("moves")
        if os.environ.get("SHAKY") == "schedule" and round == 17:
            raise KeyError("critic")
        return players


@frozen
class Distance(Metric):
    """0."""

    def __call__(self, output):
        strike("metric")
        return 0.0


@frozen
class Points(Data):
    """Points that are a function of (seed, position)."""

    def fields(self) -> Mapping[str, Field]:
        return {"point": Field((2,))}

    def open(self, *, held_out: bool = False):
        import numpy as np

        strike("open")

        class Source:
            fingerprint = "0"

            def __len__(self):
                return 100

            def batch(self, seed, position, size, fields=None):
                if os.environ.get("SHAKY") == "data" and position == 17 and not held_out:
                    raise AttributeError("no photograph 17")
                return {"point": np.random.default_rng([seed, position]).standard_normal((size, 2), "float32")}

        return Source()


@hookimpl
def gan_recipe_components():
    return {
        "network": Network, "critic": Critic, "bound": Bound, "together": Together, "points": Points,
        "distance": Distance,
    }
'''

RECIPE = """
[run]
rounds = 20
batch = 4
checkpoint_every = 5
log_every = 5
observers = []

[data]
toy = { use = "shaky.points" }
noise = { use = "noise", size = 2 }

[networks]
generator = { use = "linear_fc", outputs = 2 }
trunk = { use = "shaky.network" }
verdict = { use = "linear_fc" }

[players.critic]
trains = ["trunk", "verdict"]
optimizer = { use = "adam", lr = 1e-3 }
losses.gan = { use = "shaky.critic", real = "verdict(trunk(point))", fake = "verdict(trunk(generator(noise)))" }
constraints.bound = { use = "shaky.bound", on = ["verdict"] }

[players.generator]
trains = ["generator"]
optimizer = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_generator", fake = "verdict(trunk(generator(noise)))" }

[schedule]
use = "shaky.together"

[sheet]
columns = ["point"]
rows = 2
every = 10
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The plugin, installed, and a recipe that uses it."""
    info = tmp_path / "site" / "shaky_gan-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shaky-gan\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[gan_recipe]\nshaky = shaky_plugin\n")
    (tmp_path / "site" / "shaky_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(RECIPE)
    yield tmp_path
    sys.modules.pop("shaky_plugin", None)


def train(*overrides: str, name: str = "mine") -> RunFolder:
    registry = Registry.installed()
    recipe = check("mine.toml", overrides, registry)
    return start(recipe, registry, QuietScreen(), name=name, device="cpu").folder


def what_must_be_equal(run: RunFolder) -> dict[str, bytes]:
    files = [run.metrics, *run.sheets.iterdir(), *(run.checkpoints / "00000020").iterdir()]
    return {path.relative_to(run.path).as_posix(): path.read_bytes() for path in files}


FAILURES = {
    "forward": ("networks.trunk", "'shaky.network'", "IndexError: list index out of range", "in strike"),
    "at_round": ("networks.trunk", "'shaky.network'", "IndexError: list index out of range", "in strike"),
    "backward": ("players.critic", "its gradients or its step", "IndexError: list index out of range", ""),
    "loss": ("players.critic.losses.gan", "'shaky.critic'", "IndexError: list index out of range", "in strike"),
    "constraint": ("players.critic.constraints.bound", "'shaky.bound'", "IndexError", "in strike"),
    "schedule": ("schedule", "'shaky.together'", "KeyError: 'critic'", "in moves"),
    "data": ("data.toy", "'shaky.points'", "AttributeError: no photograph 17", "in batch"),
}


@pytest.mark.parametrize("where", FAILURES)
def test_a_plugin_that_fails_in_round_17_is_named_and_nothing_is_lost(
    where: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the recipe states it, which plugin, which round, what, in which line; mended, the run ends equal."""
    monkeypatch.setenv("SHAKY", where)
    with pytest.raises(RunError) as caught:
        train()
    told = str(caught.value)
    key, use, what, place = FAILURES[where]
    assert re.match(rf"\S*mine.toml:\d+: {re.escape(key)}: {re.escape(use)}", told), told
    assert what in told and f" failed {'at batch' if where == 'data' else 'in round'} 17: " in told
    if place:
        assert "of the plugin 'shaky' (shaky-gan 1.2)" in told
        assert re.search(rf"\({re.escape(str(here))}/site/shaky_plugin\.py:\d+, {place}\)", told), told
    assert "The checkpoint of round 15 is kept" in told and "gan-recipe run --resume mine/1" in told
    run = RunFolder(here / "runs" / "mine" / "1")
    described = run.describe()
    assert (described["outcome"], described["why"]) == ("failed", told)
    trace = (run.path / FAILURE).read_text()
    assert trace.startswith("Traceback") and "shaky_plugin.py" in trace and what in trace
    assert what.partition(":")[0] in (run.path / "report.html").read_text()
    assert checkpoint_rounds(run) == [10, 15] and f"runs/mine/1/{FAILURE}" in told

    monkeypatch.delenv("SHAKY")
    resume("mine/1", Registry.installed(), QuietScreen(), device="cpu")
    assert not (run.path / FAILURE).exists()
    assert what_must_be_equal(run) == what_must_be_equal(train(name="straight"))


@pytest.mark.parametrize(
    ("where", "key", "place"),
    [
        ("build", "'shaky.network'", "in strike"),
        ("forward", "'shaky.network'", "in strike"),
        ("loss", "players.critic.losses.gan", "in strike"),
        ("attach", "players.critic.constraints.bound", "in strike"),
        ("open", "data.toy", "in strike"),
    ],
)
def test_a_plugin_that_fails_before_the_first_round_is_a_problem_of_the_recipe(
    where: str, key: str, place: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it raises: with file and line, and nothing is written."""
    monkeypatch.setenv("SHAKY", f"{where} now")
    with pytest.raises(RecipeError) as caught:
        train()
    told = "\n".join(map(str, caught.value.problems))
    assert re.search(r"mine.toml:\d+: ", told) and "IndexError: list index out of range (" in told
    assert f", {place})" in told
    assert key in told
    assert not (here / "runs").exists()


@pytest.mark.parametrize(
    ("where", "key"),
    [
        ("names", "schedule"),
        ("moves", "schedule"),
        ("traits", "networks.trunk"),
        ("clips_norms", "players.critic.constraints.bound"),
    ],
)
def test_a_plugin_that_fails_when_it_is_only_asked_is_a_problem_of_the_recipe(
    where: str, key: str, here: Path, monkeypatch: pytest.MonkeyPatch, gan_recipe: Callable[..., Done]
) -> None:
    """`check` builds nothing, and asks: whatever is raised, it is told with file and line."""
    (here / "mine.toml").write_text(
        RECIPE.replace("bce_generator", "wasserstein_generator").replace("shaky.critic", "wasserstein_critic")
    )
    monkeypatch.setenv("SHAKY", f"{where} now")
    done = gan_recipe("check", "mine.toml")
    assert done.code == 2
    assert re.search(rf"mine.toml:\d+: {key}: '[a-z.]+' fails when it is asked .*: IndexError: list", done.err), (
        done.err
    )


def test_a_metric_that_fails_is_named_and_the_weights_are_kept(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it raises."""
    (here / "mine.toml").write_text(RECIPE + '\n[metrics]\nfar = { use = "shaky.distance", output = "point" }\n')
    monkeypatch.setenv("SHAKY", "metric now")
    with pytest.raises(RunError, match=r"metrics\.far: IndexError: .*in strike\)\. The trained weights are kept"):
        train()
    assert checkpoint_rounds(RunFolder(here / "runs" / "mine" / "1"))[-1] == 20


def test_without_a_checkpoint_that_is_said(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins again when it is resumed."""
    monkeypatch.setenv("SHAKY", "loss")
    with pytest.raises(RunError, match=r"There is no checkpoint yet: .* begins again"):
        train("run.checkpoint_every=50")


def test_the_command_line_shows_no_traceback(
    here: Path, monkeypatch: pytest.MonkeyPatch, gan_recipe: Callable[..., Done]
) -> None:
    """One sentence after another, exit code 1."""
    monkeypatch.setenv("SHAKY", "forward")
    done = gan_recipe("run", "mine.toml", "--quiet", "--device", "cpu")
    assert done.code == 1 and done.err.startswith("The run failed: ") and "Traceback" not in done.err
    assert len(done.err.splitlines()) == 1
