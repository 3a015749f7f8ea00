"""Players take turns in blocks of rounds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate

from attrs import frozen

from gan_recipe import Schedule


@frozen
class Cycle(Schedule):
    """The named players take turns, each for a block of rounds, again and again; the others move in every round.

    ``{ use = "cycle", blocks = { critic = 4, generator = 6 } }``: the critic alone in rounds 0 to 3, the generator
    alone in rounds 4 to 9, the critic again from round 10. The blocks follow each other as they are written.

    Raises ValueError when there is no block or one is shorter than a round.
    """

    #: The length of each named player's block in rounds, at least 1, in the order of the blocks.
    blocks: dict[str, int]

    def __attrs_post_init__(self) -> None:
        if not self.blocks:
            raise ValueError("blocks is empty; name players, such as blocks = { critic = 4, generator = 6 }")
        for player, length in self.blocks.items():
            if length < 1:
                raise ValueError(f"the block of {player!r} is {length} rounds long; give a whole number of at least 1")

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        blocks = self.blocks
        place = round % sum(blocks.values())
        turn = next(player for player, end in zip(blocks, accumulate(blocks.values()), strict=True) if place < end)
        return [player for player in players if player == turn or player not in blocks]

    def names(self) -> Iterable[str]:
        return self.blocks
