"""What several files of tests share: a tiny sound recipe that states something at every level, and the registry."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen
from browser import browser
from checked_text import problems
from painted_faces import cache, faces
from PIL import Image
from report_pages import runs

from gan_recipe.cli import main
from gan_recipe.components.registry import Registry

__all__ = ["browser", "cache", "faces", "problems", "runs"]

RING = """\
# A ring of Gaussians, from noise.
[run]
rounds = 6
batch = 8
precision = "float32"
channels_last = true
log_every = 2
observers = []

[data]
toy = { use = "toy_2d", modes = 4, sd = 0.1 }
noise = { use = "noise", size = 2, field = "z" }

[networks]
generator = { use = "linear_fc", outputs = 2, init.weight = { use = "normal", std = 0.5 } }
trunk = { use = "linear_fc", outputs = 8 }
verdict = { use = "linear_fc" }
mode_head = { use = "linear_fc", outputs = "mode" }

[values]
fake = "generator(z)"
seen = "trunk(point)"
score = "verdict(trunk(fake))"

[players.critic]
trains = ["trunk", "verdict", "mode_head"]
optimizer = { use = "adam", lr = 1e-3, betas = [0.5, 0.9], amsgrad = false }
lr_schedule = { use = "multi_step", milestones = [3], gamma = 0.5 }
losses.gan = { use = "bce_critic", real = "verdict(seen)", fake = "score", real_label = 0.9 }
losses.r1 = { use = "r1", critic = "verdict(trunk(_))", real = "point", every = 2 }
losses.mode = { use = "cross_entropy", logits = "mode_head(seen)", labels = "toy.mode" }
constraints.clip = { use = "wgan_clip", limit = 0.5, on = ["verdict"] }

[players.generator]
trains = ["generator"]
optimizer = { use = "sgd", lr = 0.1 }
ema = 0.9
losses.gan = { use = "bce_generator", fake = "score", weight = { from = 1, to = 0.5, over = 4 } }

[schedule]
use = "every"
periods = { critic = 2 }

[sheet]
columns = ["point", "fake"]
rows = 2

[metrics]
far = { use = "l1_distance", output = "fake", target = "point", baseline.output = "z" }
"""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The processes that share the tests share the cores as well: with threads for all of them each would wait for the
    others' time and again."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session")
def ring() -> str:
    """The tiny recipe; it is sound, and trains in a blink on points and noise."""
    return RING


@pytest.fixture(scope="session")
def registry() -> Registry:
    """The installed plugins."""
    return Registry.installed()


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], list[str]]:
    """The overrides without which a shipped recipe cannot be sound: a folder, for the one that reads photographs."""
    folder = tmp_path_factory.mktemp("photographs")
    for number, person in enumerate(("ann", "bob", "cem", "dot", "eva")):
        for turn, pose in enumerate(("forward", "left", "right", "up")):
            for mood, expression in enumerate(("happy", "sad")):
                image = Image.new("L", (64, 60), 40 * number + 20)
                image.paste(200, (10 + 10 * turn, 20 + 10 * mood, 20 + 10 * turn, 30 + 10 * mood))
                image.save(folder / f"{person}_{pose}_{expression}_eyes.png")
    return lambda name: [f"data.faces.folder={folder}"] if name == "photographs" else []


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a file where the test then stands, and gives its name."""
    monkeypatch.chdir(tmp_path)

    def write(text: str | bytes, name: str = "ring.toml") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return write


@frozen
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def gan_recipe(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., Done]:
    """Runs a command where the test stands, in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GAN_RECIPE_RUNS", raising=False)

    def gan_recipe(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["gan-recipe", *words])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as exit:
            assert isinstance(exit.code, int)
            code = exit.code
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return gan_recipe
