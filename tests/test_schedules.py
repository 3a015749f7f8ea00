"""Schedules: who moves in which round."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gan_recipe import Schedule
from gan_recipe_plugins.cycle import Cycle
from gan_recipe_plugins.every import Every
from gan_recipe_plugins.n_critic import NCritic
from gan_recipe_plugins.together import Together

PLAYERS = ("critic", "generator", "encoder")

names = st.sampled_from(PLAYERS)
quick = settings(max_examples=60, deadline=None)


def rounds_of(schedule: Schedule, player: str, rounds: int) -> list[int]:
    return [round for round in range(rounds) if player in schedule.moves(round, PLAYERS)]


def test_every_is_the_notebooks_iter_d() -> None:
    """iterD:4:6: the critic in rounds 0, 4, 8, ... before round 5,000, in multiples of 6 after; others always."""
    schedule = Every(periods={"critic": (4, 6)}, switch_at=5_000)
    early, late = range(0, 5_000, 4), range(5_004, 6_000, 6)
    assert rounds_of(schedule, "critic", 6_000) == [*early, *late]
    assert rounds_of(schedule, "generator", 6_000) == list(range(6_000))


@st.composite
def every_settings(draw: st.DrawFn) -> tuple[dict[str, tuple[int, ...]], tuple[int, ...], dict[str, int]]:
    switches = tuple(sorted(draw(st.sets(st.integers(1, 60), max_size=3))))
    one_each = st.tuples(*[st.integers(1, 9)] * (len(switches) + 1))
    return draw(st.dictionaries(names, one_each)), switches, draw(st.dictionaries(names, st.integers(0, 40)))


@quick
@given(stated=every_settings())
def test_every_moves_by_its_definition(
    stated: tuple[dict[str, tuple[int, ...]], tuple[int, ...], dict[str, int]],
) -> None:
    """In each round a player moves if the period of its stretch divides the round and it has started; in order."""
    periods, switches, starts = stated
    schedule = Every(periods=dict(periods), switch_at=switches, starts=starts)
    for round in range(80):
        stretch = sum(round >= switch for switch in switches)
        expected = [
            player
            for player in PLAYERS
            if round % periods.get(player, (1, 1, 1, 1))[stretch] == 0 and round >= starts.get(player, 0)
        ]
        assert list(schedule.moves(round, PLAYERS)) == expected


@quick
@given(period=st.integers(1, 9), switch=st.integers(1, 50))
def test_every_takes_numbers_for_lists_of_one(period: int, switch: int) -> None:
    """One number means the same as a list of it, for periods (which then last for good) and for the switch."""
    plain = Every(periods={"critic": period})
    for other in (
        Every(periods={"critic": (period,)}),
        Every(periods={"critic": period}, switch_at=switch),
        Every(periods={"critic": (period, period)}, switch_at=(switch,)),
    ):
        assert rounds_of(other, "critic", 80) == rounds_of(plain, "critic", 80) == list(range(0, 80, period))


@quick
@given(blocks=st.dictionaries(names, st.integers(1, 6), min_size=1))
def test_cycle_deals_out_blocks(blocks: dict[str, int]) -> None:
    """Laid end to end, the blocks repeat for ever: one named player a round, and the others in all."""
    turns = [player for player, length in blocks.items() for _ in range(length)]
    schedule = Cycle(blocks=blocks)
    for round in range(3 * len(turns) + 1):
        moving = list(schedule.moves(round, PLAYERS))
        assert [player for player in moving if player in blocks] == [turns[round % len(turns)]]
        assert [player for player in moving if player not in blocks] == [p for p in PLAYERS if p not in blocks]
        assert moving == sorted(moving, key=PLAYERS.index)


@quick
@given(critic=names, n=st.integers(1, 7))
def test_n_critic_gives_the_critic_n_moves_for_one(critic: str, n: int) -> None:
    """The critic moves in every round; when the others make their k-th move it has had exactly k n."""
    schedule = NCritic(critic=critic, n=n)
    moved = dict.fromkeys(PLAYERS, 0)
    for round in range(4 * n):
        moving = schedule.moves(round, PLAYERS)
        assert critic in moving
        for player in moving:
            moved[player] += 1
        others = {moved[player] for player in PLAYERS if player != critic}
        assert others == {moved[critic] // n}


def test_n_critic_of_one_and_together_are_the_same() -> None:
    """With n = 1 everybody moves in every round in the recipe's order, which is what ``together`` says."""
    for round in range(10):
        assert list(NCritic(n=1).moves(round, PLAYERS)) == list(Together().moves(round, PLAYERS)) == list(PLAYERS)


def test_names_are_what_the_settings_mention() -> None:
    """So that a misspelt player is found before training; a schedule that mentions nobody has none."""
    every = Every(periods={"critic": 4}, starts={"generator": 5})
    assert set(every.names()) == {"critic", "generator"}
    assert set(Cycle(blocks={"critic": 1, "encoder": 2}).names()) == {"critic", "encoder"}
    assert set(NCritic(critic="judge").names()) == {"judge"}
    assert set(Together().names()) == set()


WRONG: dict[str, tuple[Callable[[], Schedule], str]] = {
    "period 0": (lambda: Every(periods={"critic": 0}), "'critic'.*at least 1"),
    "period -1 in a list": (lambda: Every(periods={"critic": (4, -1)}, switch_at=9), "'critic'.*at least 1"),
    "no periods": (lambda: Every(periods={"critic": ()}), "'critic' has 0 periods"),
    "too few switches": (lambda: Every(periods={"critic": (4, 6)}), r"2 periods .* 1 stretch"),
    "too many switches": (lambda: Every(periods={"critic": (4, 6)}, switch_at=(5, 9)), r"2 periods .* 3 stretches"),
    "falling switches": (lambda: Every(periods={"critic": (4, 6, 8)}, switch_at=(9, 5)), "rise"),
    "a switch at 0": (lambda: Every(periods={"critic": (4, 6)}, switch_at=0), "above 0"),
    "a start before 0": (lambda: Every(periods={}, starts={"critic": -1}), "'critic' starts at round -1"),
    "no blocks": (lambda: Cycle(blocks={}), "blocks is empty"),
    "an empty block": (lambda: Cycle(blocks={"critic": 4, "generator": 0}), "'generator' is 0 rounds"),
    "n of 0": (lambda: NCritic(n=0), "n is 0"),
}


@pytest.mark.parametrize("case", WRONG)
def test_schedules_that_make_no_sense_are_refused(case: str) -> None:
    """Settings that no round could follow raise ValueError that names the player or the setting."""
    make, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        make()
