"""Which checkpoints a run keeps, told before it trains."""

from __future__ import annotations

from functools import cache

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from gan_recipe.interfaces import Rounds
from gan_recipe.language.recipe import Recipe
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.kept_checkpoints import kept_checkpoints


@cache
def _dcgan() -> Recipe:
    return check("dcgan")


@given(st.integers(1, 60), st.integers(1, 20), st.integers(2, 5), st.lists(st.integers(1, 70), unique=True, max_size=4))
def test_a_new_checkpoint_is_whole_before_the_oldest_goes(rounds: int, every: int, keep: int, at: list[int]) -> None:
    """At the end there are those, and at most as many, that a run has which saves and removes one at a time."""
    recipe = _dcgan()
    run = evolve(
        recipe.run, rounds=Rounds(rounds), checkpoint_every=Rounds(every), keep=keep, keep_at=tuple(map(Rounds, at))
    )
    there: list[int] = []
    most = 0
    for done in range(1, rounds + 1):
        if done % every == 0 or done == rounds or done in at:
            there.append(done)
            most = max(most, len(there))
            passing = [each for each in there if each not in at]
            there = [each for each in there if each in at or each in passing[-keep:]]
    found = kept_checkpoints(evolve(recipe, run=run))
    assert (found.rounds, found.most) == (tuple(there), most)
