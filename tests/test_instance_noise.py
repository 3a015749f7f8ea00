"""Instance noise: what it adds, when, and that a ramp follows the rounds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan_recipe.engine.training import Training
from gan_recipe.errors import RecipeError
from gan_recipe.ramp import Ramp
from gan_recipe.runs.check_recipe import check
from gan_recipe_plugins.instance_noise import InstanceNoise

RAMPED = """
extends = "zoo/dirac_instance_noise"
[networks.noisy]
sd = { from = 0.8, to = 0.2, over = 3 }
"""


def test_noise_has_the_stated_deviation_in_training_and_is_nothing_when_looking() -> None:
    """Mean 0 and the stated standard deviation, within five standard errors; in eval mode the input itself."""
    noise = InstanceNoise(sd=0.3).build(torch.zeros(2, 3))
    points = torch.full((40_000, 3), 2.0)
    added = noise(points) - points
    error = 0.3 / added.numel() ** 0.5
    assert abs(added.mean()) < 5 * error and abs(added.std() - 0.3) < 5 * error
    assert not torch.equal(noise(points), noise(points))
    assert noise.eval()(points) is points
    assert InstanceNoise(sd=0).build(points)(points).equal(points)


def test_the_deviation_follows_the_rounds_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the ramp says, and as a function of the round alone: a checkpoint need not hold it."""
    monkeypatch.chdir(tmp_path)
    Path("ramped.toml").write_text(RAMPED)
    training = Training(check("ramped.toml"))
    noise = training.graph.networks["noisy"]
    for round in (0, 1, 2, 3, 9, 1):
        training.play(round, training.stream.batch(round))
        assert float(noise.sd) == pytest.approx(Ramp(0.8, 0.2, 3).at(round))
    assert not noise.state_dict()


def test_a_negative_deviation_and_noise_on_labels_are_refused() -> None:
    """With the setting, and what noise is for."""
    with pytest.raises(ValueError, match="sd is -1"):
        InstanceNoise(sd=-1.0)
    with pytest.raises(ValueError, match=r"sd is 0.1 to -0.1"):
        InstanceNoise(sd=Ramp(0.1, -0.1, 5))
    with pytest.raises(ValueError, match="not labels"):
        InstanceNoise().build(torch.zeros(2, dtype=torch.int64))
    with pytest.raises(RecipeError, match=r"-s networks.noisy.sd=-1: networks.noisy.sd: sd is -1"):
        check("zoo/dirac_instance_noise", ["networks.noisy.sd=-1"])
