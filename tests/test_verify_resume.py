"""``verify-resume`` says that what resumes exactly does, and names what does not: the round, the tensors, the cause."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from attrs import asdict
from faults.victims import Victims

from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import plain, shipped_recipes
from gan_recipe.ramp import Ramp
from gan_recipe.runs.check_recipe import check
from gan_recipe.verify.resume_difference import Difference
from gan_recipe.verify.verify_resume import Comparison, Task, verify

PLUGIN = '''
"""Components that forget themselves: each keeps something where no checkpoint finds it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Data, Field, Head, Loss, hookimpl

if TYPE_CHECKING:
    from torch import Tensor

_calls = [0]


@frozen
class Counting(Loss):
    """A loss whose weight grows with every call."""

    def __call__(self, fake: Tensor) -> Tensor:
        _calls[0] += 1
        return fake.mean() * _calls[0]


@frozen
class Unseeded(Loss):
    """A loss with noise from a generator that nobody seeds."""

    def __call__(self, fake: Tensor) -> Tensor:
        return fake.mean() * random.random()


@frozen
class Walking(Data):
    """A source that counts its batches."""

    def fields(self) -> Mapping[str, Field]:
        return {"point": Field((2,)), "mode": Field((), "int64", 4)}

    def open(self, *, held_out: bool = False):
        import numpy as np

        class Source:
            fingerprint = "0"
            made = 0

            def __len__(self):
                return 100

            def batch(self, seed, position, size, fields=None):
                self.made += 1
                return {"point": np.full((size, 2), self.made, "float32"), "mode": np.zeros(size, "int64")}

        return Source()


@hookimpl
def gan_recipe_components():
    return {"counting": Counting, "unseeded": Unseeded, "walking": Walking}
'''


@pytest.fixture(scope="module")
def victims() -> Iterator[Victims]:
    with Victims() as victims:
        yield victims


@pytest.fixture
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed plugin, in a folder of its own."""
    folder = tmp_path / "site"
    info = folder / "forgetful-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: forgetful\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[gan_recipe]\nforgetful = forgetful_plugin\n")
    (folder / "forgetful_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def verified(victims: Victims, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Comparison]:
    monkeypatch.chdir(tmp_path)

    def verified(text: str, *path: Path, **more: int) -> Comparison:
        (tmp_path / "mine.toml").write_text(text)

        def launch(task: Task) -> tuple[int, str]:
            told = {**asdict(task), "root": str(task.root), "notes": str(task.notes)}
            ended = victims.run("faults.victims:trial", told, folder=tmp_path, path=path)
            return ended.code, ended.err

        return verify("mine.toml", launch=launch, **more)

    return verified


def difference(found: Comparison) -> Difference:
    assert found.difference is not None
    return found.difference


def test_a_sound_recipe_resumes_exactly(verified: Callable[..., Comparison], ring: str) -> None:
    """After a SIGTERM, a kill and another SIGTERM: every tensor, line and sheet of the whole plan."""
    found = verified(ring)
    assert found.difference is None
    assert found.stops == ((3, "SIGTERM"), (6, "SIGKILL"), (9, "SIGTERM"))
    assert found.tensors > 60 and found.lines >= 4 and found.sheets == 4


def test_a_component_with_a_memory_is_found_and_named(
    verified: Callable[..., Comparison], ring: str, plugin: Path
) -> None:
    """The first round after the first stop, the generator's tensors, and the losses and networks that took part."""
    text = ring.replace('use = "bce_generator"', 'use = "forgetful.counting"')
    found = difference(verified(text, plugin, rounds=4, stops=1))
    assert found.round == 3
    assert found.what[0].startswith("network generator: 2 of 2")
    assert "kept outside the checkpoint" in found.cause and "forgetful.counting (gan)" in found.cause


def test_a_component_that_draws_unseeded_is_told_apart(
    verified: Callable[..., Comparison], ring: str, plugin: Path
) -> None:
    """It differs before anything was stopped, which is another cause."""
    text = ring.replace('use = "bce_generator"', 'use = "forgetful.unseeded"')
    found = difference(verified(text, plugin, rounds=3, stops=1))
    assert found.round == 1 and "nothing had been stopped by then" in found.cause


def test_a_source_with_a_place_of_its_own_is_named_with_its_fields(
    verified: Callable[..., Comparison], ring: str, plugin: Path
) -> None:
    """The batches come out otherwise in another order."""
    text = ring.replace('{ use = "toy_2d", modes = 4, sd = 0.1 }', '{ use = "forgetful.walking" }')
    found = difference(verified(text, plugin, rounds=4, stops=1))
    assert found.round is not None and "not a function of (seed, position): toy.point" in found.cause


def test_the_command_in_real_processes(ring: str, plugin: Path, tmp_path: Path) -> None:
    """Exit code 1 with the round and the cause; a recipe that is wrong is told by check's exit code."""
    (tmp_path / "mine.toml").write_text(ring.replace('use = "bce_generator"', 'use = "forgetful.unseeded"'))
    command = [sys.executable, "-c", "from gan_recipe.cli import main; main()", "verify-resume", "mine.toml"]
    environment = {**os.environ, "PYTHONPATH": str(plugin), "TMPDIR": str(tmp_path)}

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], cwd=tmp_path, env=environment, capture_output=True, text=True)

    done = run("--rounds", "2", "--stops", "1")
    assert done.returncode == 1 and "They differ from round 1 on:" in done.stdout, done.stderr
    assert "Likely cause: nothing had been stopped" in done.stdout
    assert not list(tmp_path.glob("gan-recipe-verify-*")) and not (tmp_path / "runs").exists()
    wrong = run("-s", "run.batch=0")
    assert wrong.returncode == 2 and "run.batch" in wrong.stderr


def test_a_trial_ends_with_the_process_that_asked_for_it(ring: str, tmp_path: Path) -> None:
    """However that one ends: nothing goes on training in the background."""
    (tmp_path / "mine.toml").write_text(ring)
    words = ["verify-resume", "mine.toml", "--rounds", "10000"]
    parent = subprocess.Popen(
        [sys.executable, "-c", "from gan_recipe.cli import main; main()", *words],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    try:
        until = time.monotonic() + 60
        while not list(tmp_path.glob("gan-recipe-verify-*/*/run/1/metrics.jsonl")) and time.monotonic() < until:
            time.sleep(0.05)
        (child,) = children.read_text().split()
    finally:
        parent.kill()
        parent.wait()
    until = time.monotonic() + 5
    while _lives(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _lives(child)


def _lives(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


STATEFUL = """
[run]
rounds = 400
batch = 4
precision = "float32"

[data]
toy = { use = "toy_2d" }
noise = { use = "noise", size = 8 }

[networks]
body = { use = "dcgan_decoder", size = 8, width = 0.0625 }
other = { use = "dcgan_decoder", size = 8, width = 0.0625 }
trunk = { use = "dcgan_encoder", width = 0.125 }
verdict = { use = "linear_fc" }
augment = { use = "ada", target = 0.6, over = 200 }
past = { use = "replay", size = 8 }

[values]
fake = "body(noise)"
real = "other(noise)"
real_score = "augment(verdict(trunk(augment(real))))"
old_score = "verdict(trunk(augment(past(fake))))"
fake_score = "verdict(trunk(augment(fake)))"

[players.critic]
trains = ["trunk", "verdict"]
optimizer = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_critic", real = "real_score", fake = "old_score" }

[players.generator]
trains = ["body"]
optimizer = { use = "adam", lr = 1e-3 }
ema = 0.9
losses.gan = { use = "bce_generator", fake = "fake_score" }

[schedule]
use = "together"

[sheet]
columns = ["fake"]
rows = 2
"""


def test_pools_and_adaptive_strengths_resume_exactly(verified: Callable[..., Comparison]) -> None:
    """A replay pool and ADA's strength lie in buffers, and what they draw is a function of the round."""
    assert verified(STATEFUL).difference is None


def features(recipe: Recipe) -> set[str]:
    """What a recipe has that could forget something: its components, and all that keeps or follows a state."""
    found = {f"data {use}" for use in recipe.data_use.values()} | {f"schedule {recipe.schedule_use}"}
    found |= {f"network {network.use}" for network in recipe.networks.values()}
    for player in recipe.players.values():
        found.add(f"optimizer {player.optimizer.name}")
        found |= {f"rate {player.lr_schedule.name}"} if player.lr_schedule else set()
        found |= {f"constraint {each.use}" for each in player.constraints.values()}
        found |= {"average"} if player.ema else set()
        found |= {"balance"} if player.balance else set()
        found |= {"clipped"} if player.clip_gradients else set()
        for loss in player.losses.values():
            found |= {f"loss {loss.use}"} | ({"lazy"} if loss.every > 1 else set())
            found |= {"ramp"} if isinstance(loss.weight, Ramp) else set()
    return found


def in_miniature(name: str, given: Callable[[str], list[str]]) -> Recipe:
    """A shipped recipe, small, and with fresh weights where it would start from a run that is not here."""
    plain = check(name, given(name), starts=None)
    few = [f"data.{source}.{what}" for source, use in plain.data_use.items() if use == "synthetic_faces"
           for what in ("identities=4", "held_out=2", "size=32")]  # fmt: skip
    widths = [f"networks.{network}.width=0.125" for network, spec in plain.networks.items()
              if hasattr(spec.component, "width")]  # fmt: skip
    # Two recipes cut features in parts by number.
    cuts = ["networks.identity.stop=24", "networks.attributes.first=24"] if name in ("siamese", "wgan_srgan") else []
    settings = [*few, *widths, *cuts, "run.batch=4", "run.held_out=8", "run.precision=float32"]
    recipe = check(name, [*given(name), *settings], starts=None)
    for network in recipe.resolved_tables["networks"].values():
        network.pop("start", None)
    return recipe


@pytest.mark.slow
def test_every_shipped_recipe_resumes_exactly(
    verified: Callable[..., Comparison], given: Callable[[str], list[str]]
) -> None:
    """Of recipes that have the same components and the same kinds of state, one: all of these are in one that is tried.

    Each is trained straight and with a SIGTERM and a kill, in fresh processes with their loader's thread.
    """
    began = time.monotonic()
    seen: set[str] = set()
    tried = []
    for name in sorted(shipped_recipes(), key=lambda name: (name.count("/"), name)):
        recipe = in_miniature(name, given)
        if features(recipe) <= seen:
            continue
        seen |= features(recipe)
        tried.append(name)
        found = verified(plain(recipe.resolved_tables), rounds=4, stops=2)
        assert found.difference is None, f"{name}: {found.difference}"
    print(f"{len(tried)} of {len(shipped_recipes())} recipes in {time.monotonic() - began:.0f} s: {', '.join(tried)}")
    assert {"average", "lazy", "ramp"} <= seen and len(tried) >= 10
