"""The example packages: sound by the kit, and, as wheels in a fresh environment, as good as anybody's plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fresh_environment import FreshEnvironment

EXAMPLES = Path(__file__).parents[1] / "docs" / "examples"
NAMES = ("acme-heads", "acme-points")


@pytest.mark.parametrize("name", NAMES)
def test_an_examples_own_tests_pass(name: str, tmp_path: Path) -> None:
    """With its package on the path, as pytest finds it in a checkout."""
    environment = os.environ | {"PYTHONPATH": str(EXAMPLES / name), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "not slow",
        "--rootdir",
        str(tmp_path),
    ]
    done = subprocess.run(
        [*command, str(EXAMPLES / name / "tests")], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> FreshEnvironment:
    """A fresh virtual environment with both examples, installed from wheels that were built for it."""
    folder = tmp_path_factory.mktemp("fresh")
    made = FreshEnvironment.made(folder / "environment")
    wheels = made.install([EXAMPLES / name for name in NAMES], folder)
    assert wheels == ["acme_heads-1.2.0-py3-none-any.whl", "acme_points-0.3.0-py3-none-any.whl"]
    return made


@pytest.mark.slow
def test_installed_examples_are_listed_shown_and_trained(environment: FreshEnvironment, tmp_path: Path) -> None:
    """Where each is from, what it is, and a run of each recipe, which remembers both; the observer was told."""
    told = environment.gan_recipe(tmp_path, "plugins")
    assert "acme         acme-heads 1.2.0\n  2 components: cosine_head, softplus_ranking\n" in told
    assert "points       acme-points 0.3.0\n  1 component: spiral\n" in told
    assert "turns: a whole number; default 2" in environment.gan_recipe(tmp_path, "show", "points.spiral")
    (line,) = [line for line in environment.gan_recipe(tmp_path, "list", "head").splitlines() if "acme." in line]
    assert line.split()[0] == "acme.cosine_head" and line.endswith("[acme-heads 1.2.0]")
    for name, recipe in (("acme-heads", "cosine"), ("acme-points", "spiral")):
        path = EXAMPLES / name / "recipes" / f"{recipe}.toml"
        assert f"Done: runs/{recipe}/1" in environment.gan_recipe(tmp_path, "run", str(path), "--device", "cpu")
    assert "acme-heads 1.2.0" in (tmp_path / "runs/cosine/1/run.json").read_text()
    diary = (tmp_path / "runs/spiral/1/diary.txt").read_text().splitlines()
    assert diary[0] == "started" and diary[-1] == "done" and diary[1].startswith("round ")
