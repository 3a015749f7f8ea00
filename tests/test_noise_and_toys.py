"""The endless sources: noise, rings and grids."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_recipe import Data
from gan_recipe_plugins.noise import Noise
from gan_recipe_plugins.toy_2d import Toy2D

SOURCES: list[Data] = [Noise(), Noise(size=3, distribution="uniform"), Toy2D(), Toy2D(layout="grid")]


@pytest.mark.parametrize("data", SOURCES, ids=repr)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**63), position=st.integers(0, 2**40), size=st.integers(1, 40))
def test_a_batch_is_a_function_of_its_arguments(data: Data, seed: int, position: int, size: int) -> None:
    """Whatever was asked before, in whatever source: equal arguments give equal batches, and others do not."""
    source = data.open()
    first = source.batch(seed, position, size)
    source.batch(seed + 1, position, size)
    again = data.open().batch(seed, position, size)
    for field, values in first.items():
        np.testing.assert_array_equal(values, again[field])
    for other in (
        source.batch(seed, position + 1, size),
        source.batch(seed + 1, position, size),
        data.open(held_out=True).batch(seed, position, size),
    ):
        assert any(not np.array_equal(values, other[field]) for field, values in first.items())


@pytest.mark.parametrize("data", SOURCES, ids=repr)
def test_batches_are_what_the_fields_say(data: Data) -> None:
    """Names, shapes and dtypes; labels stay within their classes."""
    batch = data.open().batch(0, 0, 7)
    fields = data.fields()
    assert set(batch) == set(fields)
    for name, values in batch.items():
        assert values.shape == (7, *fields[name].shape)
        assert values.dtype == fields[name].dtype
        classes = fields[name].classes
        assert classes is None or (values.min() >= 0 and values.max() < classes)


def test_normal_noise_is_standard_normal() -> None:
    """Its quantiles are those of the normal distribution, within five standard errors."""
    noise = np.sort(Noise(size=50).open().batch(1, 0, 2_000)["noise"].ravel())
    for z in (-2.0, -1.0, 0.0, 1.0, 2.0):
        share = 0.5 * (1 + math.erf(z / math.sqrt(2)))
        found = np.searchsorted(noise, z) / len(noise)
        assert abs(found - share) < 5 * math.sqrt(share * (1 - share) / len(noise))


def test_uniform_noise_fills_its_range() -> None:
    """It lies in [-1, 1), with the mean 0 and the variance 1/3 of that range, within five standard errors."""
    noise = Noise(size=50, distribution="uniform").open().batch(1, 0, 2_000)["noise"]
    assert noise.min() >= -1 and noise.max() < 1
    assert abs(noise.mean()) < 5 * math.sqrt(1 / 3 / noise.size)
    assert abs(noise.var() - 1 / 3) < 5 * math.sqrt(4 / 45 / noise.size)


def test_noises_of_two_fields_are_unrelated() -> None:
    """Two noise sources of one recipe are told apart by the names of their fields."""
    style = Noise(field="style").open().batch(3, 5, 4)["style"]
    assert not np.array_equal(style, Noise().open().batch(3, 5, 4)["noise"])


def test_the_papers_ring_and_grid() -> None:
    """Lin et al. 2018: eight modes on the unit circle, and 25 from -4 to 4 in steps of 2."""
    ring = Toy2D().centres()
    assert len(ring) == 8
    assert np.allclose(np.hypot(*np.transpose(ring)), 1)
    assert np.allclose(np.diff(np.unwrap([math.atan2(y, x) for x, y in ring])), math.pi / 4)
    grid = Toy2D(layout="grid").centres()
    assert set(grid) == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    assert len(grid) == 25


@pytest.mark.parametrize(
    ("toy", "sd"), [(Toy2D(), 0.01), (Toy2D(layout="grid"), 0.05), (Toy2D(modes=3, radius=5, sd=0.5), 0.5)], ids=repr
)
def test_points_are_normal_round_the_centre_of_their_mode(toy: Toy2D, sd: float) -> None:
    """Offsets from the labelled centre have the stated deviation on both axes, and no mode is favoured."""
    batch = toy.open().batch(0, 0, 50_000)
    offset = batch["point"] - np.array(toy.centres())[batch["mode"]]
    error = 5 / math.sqrt(len(offset))
    assert np.all(np.abs(offset.mean(0)) < sd * error)
    assert np.all(np.abs(offset.std(0) / sd - 1) < error)
    assert abs(np.corrcoef(offset.T)[0, 1]) < error
    count = len(toy.centres())
    share = np.bincount(batch["mode"], minlength=count) / len(offset)
    assert np.all(np.abs(share - 1 / count) < error * math.sqrt(1 / count))


@pytest.mark.parametrize(
    "other", [Toy2D(layout="grid"), Toy2D(sd=0.02), Toy2D(modes=7), Toy2D(radius=2), Noise(), Noise(size=2)], ids=repr
)
def test_other_samples_have_another_fingerprint(other: Data) -> None:
    """The fingerprint tells data apart, and the held-out part from the training part."""
    prints = {Toy2D().open().fingerprint, other.open().fingerprint, other.open(held_out=True).fingerprint}
    assert len(prints) == 3


def test_one_pass_is_as_long_as_stated() -> None:
    """``samples`` and ``held_out`` are lengths; they change no sample, and hence no fingerprint."""
    for data in (Noise(samples=10, held_out=3), Toy2D(samples=10, held_out=3)):
        assert (len(data.open()), len(data.open(held_out=True))) == (10, 3)
        assert data.open().fingerprint == type(data)().open().fingerprint


@pytest.mark.parametrize(
    ("cls", "stated", "words"),
    [
        (Noise, {"size": 0}, ("size is 0", "at least 1")),
        (Noise, {"samples": 0}, ("samples is 0", "at least 1")),
        (Noise, {"held_out": -1}, ("held_out is -1", "at least 1")),
        (Noise, {"field": "a b"}, ("field is 'a b'", "such as 'noise'")),
        (Toy2D, {"modes": 0}, ("modes is 0", "at least 1")),
        (Toy2D, {"sd": 0.0}, ("sd is 0.0", "above 0")),
        (Toy2D, {"sd": math.nan}, ("sd is nan", "above 0")),
        (Toy2D, {"radius": -1.0}, ("radius is -1.0", "above 0")),
        (Toy2D, {"spacing": 2.0}, ("spacing means nothing", "radius")),
        (Toy2D, {"layout": "grid", "radius": 1.0}, ("radius means nothing", "spacing")),
        (Toy2D, {"layout": "grid", "modes": 24}, ("modes is 24", "such as 25")),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(
    cls: type[Data], stated: dict[str, Any], words: tuple[str, ...]
) -> None:
    """The message names the setting, its value and what to state instead."""
    with pytest.raises(ValueError) as caught:
        cls(**stated)
    for word in words:
        assert word in str(caught.value)


def test_listing_the_fields_needs_no_numpy() -> None:
    """``check`` reads the fields, and must not pay for what only batches need."""
    code = (
        "import sys; from gan_recipe_plugins.noise import Noise; from gan_recipe_plugins.toy_2d import Toy2D; "
        "Noise().fields(), Toy2D().fields(), Toy2D().centres(); "
        "assert not {'numpy', 'PIL', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
