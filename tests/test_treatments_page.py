"""The page of treatments is true: what it writes exists, and its recipe lines check."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from doc_blocks import blocks

from gan_recipe.components.registry import Registry
from gan_recipe.language.optimizers import LR_SCHEDULES
from gan_recipe.runs.check_recipe import check

RUN_HERE = blocks("docs/treatments.md", "toml")
PAGE = (Path(__file__).parents[1] / "docs" / "treatments.md").read_text()
AROUND = """
[run]
rounds = 600
batch = 8

[data]
faces = { use = "synthetic_faces", only = ["target"] }
noise = { use = "noise" }

[networks]
body    = { use = "dcgan_decoder" }
trunk   = { use = "dcgan_encoder", norm = "none" }
verdict = { use = "linear_fc" }

[values]
fake = "body(noise)"

[players.critic]
trains     = ["trunk", "verdict"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_critic", real = "real_score", fake = "old_score" }

[players.generator]
trains     = ["body"]
optimizer  = { use = "adam", lr = 1e-3 }
losses.gan = { use = "bce_generator", fake = "fake_score" }
losses.l1  = { use = "l1", output = "fake", target = "target" }

[schedule]
use = "together"
"""


def test_every_component_of_the_page_exists() -> None:
    """By the name that a recipe uses; a schedule of the rate is torch's."""
    every = Registry.installed().every()
    named = {*re.findall(r'use = "(\w+)"', PAGE), *re.findall(r"`(r2|wgan_gp|relativistic_\w+|minibatch_std)`", PAGE)}
    assert len(named) > 10 and named <= {*every, *LR_SCHEDULES}


def test_the_recipe_lines_of_the_page_check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks as they stand, within a recipe that has what they read, and each line of the table that is a key."""
    monkeypatch.chdir(tmp_path)
    recovery, band, block = (each.text for each in blocks("docs/treatments.md", "toml"))
    tomllib.loads(block)
    text = AROUND.replace('[schedule]\nuse = "together"', f"{recovery}\n{band}")
    for table in ("networks", "values"):
        lines = re.search(rf"\[{table}\]\n((?:\w.*\n)+)", block)
        assert lines is not None
        text = text.replace(f"[{table}]\n", f"[{table}]\n{lines[1]}")
    cells = re.findall(r"\| `([^`|]+)`", PAGE)
    of_critic = [cell for cell in cells if re.match(r"losses\.r1|constraints|clip_gradients|lr_schedule", cell)]
    of_generator = [cell for cell in cells if re.match(r"ema|balance", cell)]
    assert len(of_critic) >= 2 and len(of_generator) == 2
    text = text.replace("[players.generator]\n", "\n".join([*of_critic, "", "[players.generator]", *of_generator, ""]))
    Path("treated.toml").write_text(text)
    assert check("treated.toml").recovery is not None
