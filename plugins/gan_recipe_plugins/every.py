"""The notebook's schedule: some players move only every so many rounds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from attrs import field, frozen

from gan_recipe import Rounds, Schedule


@frozen
class Every(Schedule):
    """Each named player moves in the rounds that its period divides; players that are not named move in every round.

    ``{ use = "every", periods = { critic = [4, 6] }, switch_at = 5_000 }`` is the notebook's ``iterD:4:6``: the critic
    moves in rounds 0, 4, 8, ... before round 5,000, and from then on in the rounds that 6 divides (5,004, 5,010, ...).
    A player with one period keeps it for good. Within a round the players move in the recipe's order.

    Raises ValueError when a period is below 1, a player's periods do not fit ``switch_at``, or that does not rise.
    """

    #: The period of each named player in rounds, at least 1: one number, or one for each stretch between switches.
    periods: dict[str, int | tuple[int, ...]]
    #: The round, or the rising rounds, from which the next period counts.
    switch_at: Rounds | tuple[Rounds, ...] = ()
    #: The first round in which a player may move, for players that start late.
    starts: dict[str, Rounds] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        switches = self._switches()
        if any(late <= early for early, late in zip((0, *switches), switches, strict=False)):
            raise ValueError(f"switch_at is {list(switches)}; give rounds above 0 that rise, such as [5_000, 10_000]")
        stretches = len(switches) + 1
        for player, stated in self.periods.items():
            periods = (stated,) if isinstance(stated, int) else stated
            if any(period < 1 for period in periods):
                raise ValueError(f"the periods of {player!r} are {list(periods)}; give whole numbers of at least 1")
            if len(periods) not in (1, stretches):
                raise ValueError(
                    f"{player!r} has {len(periods)} periods and switch_at {list(switches)} makes {stretches} "
                    f"{'stretch' if stretches == 1 else 'stretches'} of rounds; give one for each, or one for all"
                )
        for player, start in self.starts.items():
            if start < 0:
                raise ValueError(f"{player!r} starts at round {start}; rounds count from 0")

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        switches = self.switch_at
        stretch = bisect_right(switches, round) if isinstance(switches, tuple) else int(round >= switches)
        periods, starts = self.periods, self.starts
        moving = []
        for player in players:
            period = periods.get(player, 1)
            if isinstance(period, tuple):
                period = period[stretch if len(period) > 1 else 0]
            if round % period == 0 and not (starts and round < starts.get(player, 0)):
                moving.append(player)
        return moving

    def names(self) -> Iterable[str]:
        return {*self.periods, *self.starts}

    def _switches(self) -> tuple[Rounds, ...]:
        return self.switch_at if isinstance(self.switch_at, tuple) else (self.switch_at,)
