"""Weights that change with the rounds."""

from __future__ import annotations

import math
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gan_recipe.ramp import Ramp, is_ever_nonzero, weight_at

ends = st.floats(-1e6, 1e6)
positive = st.floats(1e-6, 1e6)
rounds = st.integers(0, 10_000)
lengths = st.integers(1, 10_000)
Shape = Literal["linear", "geometric"]


@given(ends, ends, lengths, rounds, rounds)
def test_a_linear_ramp_is_straight_between_its_ends(a: float, b: float, over: int, begin: int, round: int) -> None:
    """Exactly ``from`` until it begins, exactly ``to`` once it has ended, on the line through both between."""
    ramp = Ramp(a, b, over, begin)
    assert ramp.at(begin) == a and ramp.at(max(0, begin - 1)) == a
    assert ramp.at(begin + over) == b and ramp.at(begin + over + round) == b
    if begin <= round <= begin + over:
        expected = a + (b - a) * (round - begin) / over
        assert math.isclose(ramp.at(round), expected, rel_tol=1e-9, abs_tol=1e-6)


@given(positive, positive, st.integers(2, 5_000), rounds)
def test_a_geometric_ramp_multiplies_by_the_same_in_every_round(a: float, b: float, over: int, round: int) -> None:
    """The same ends, and a constant ratio between rounds."""
    ramp = Ramp(a, b, over, shape="geometric")
    assert ramp.at(0) == a and math.isclose(ramp.at(over), b)
    round = round % (over - 1)
    assert math.isclose(ramp.at(round + 1) / ramp.at(round), (b / a) ** (1 / over), rel_tol=1e-9)


@given(positive, positive, lengths, st.sampled_from(["linear", "geometric"]), st.lists(rounds, min_size=2, max_size=6))
def test_a_ramp_never_turns_back(a: float, b: float, over: int, shape: Shape, at: list[int]) -> None:
    """Its values rise, or fall, with the rounds."""
    assume(a != b)
    values = [Ramp(a, b, over, shape=shape).at(round) for round in sorted(at)]
    assert values == sorted(values, reverse=a > b)


def test_what_is_no_ramp_is_refused() -> None:
    """No rounds, a beginning before the first, and a geometric ramp through 0."""
    for make, told in (
        (lambda: Ramp(0, 1, 0), "at least 1, not 0"),
        (lambda: Ramp(0, 1, 5, begin=-1), "at least 0, not -1"),
        (lambda: Ramp(0, 1, 5, shape="geometric"), "both ends above 0"),
    ):
        with pytest.raises(ValueError, match=told):
            make()


def test_a_weight_is_a_number_or_a_ramp() -> None:
    """Both can be asked for their value in a round, and whether they ever count."""
    assert weight_at(0.5, 99) == 0.5 and weight_at(Ramp(0, 1, 10), 5) == 0.5
    assert is_ever_nonzero(Ramp(0, 1, 10)) and is_ever_nonzero(Ramp(1, 0, 10)) and is_ever_nonzero(-2.0)
    assert not is_ever_nonzero(0.0) and not is_ever_nonzero(Ramp(0, 0, 10))
