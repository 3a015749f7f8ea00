"""The guides to processes and sweeps are true: their space checks, and their commands run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gan_recipe.check import check
from gan_recipe.registry import Registry
from gan_recipe.space import read_space

DOCS = Path(__file__).parents[1] / "docs"
SMALL = [
    "run.rounds=2",
    "run.batch=2",
    "run.held_out=4",
    "data.faces.identities=4",
    "data.faces.held_out=2",
    "run.observers=[]",
]
SMALL += ["networks.encoder.width=0.125", "networks.trunk.width=0.125"]


def blocks(guide: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / guide).read_text(), re.DOTALL)


def test_the_space_of_the_guide_is_sound(tmp_path: Path) -> None:
    """For the recipe that the guide's command names."""
    (text,) = blocks("sweep.md", "toml")
    (tmp_path / "space.toml").write_text(text)
    (command,) = blocks("sweep.md", "sh")
    recipe = shlex.split(command)[2]
    registry = Registry.installed()
    found = read_space(str(tmp_path / "space.toml"), check(recipe, registry=registry), recipe, registry)
    assert found.metric == "l1" and len(found.dimensions) == 2


@pytest.mark.slow
@pytest.mark.parametrize("guide", ["sweep.md", "processes.md"])
def test_the_commands_of_the_guides_run(guide: str, tmp_path: Path) -> None:
    """As they stand, made small."""
    for text in blocks(guide, "toml"):
        (tmp_path / "space.toml").write_text(text)
    (command,) = blocks(guide, "sh")
    words = shlex.split(command)
    programs = {"gan-recipe": ["-m", "gan_recipe"], "torchrun": ["-m", "torch.distributed.run"]}
    words = [sys.executable, *programs[words[0]], *words[1:]]
    words += [word for each in SMALL for word in ("-s", each)]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.glob("runs/*/1/run.json"))
