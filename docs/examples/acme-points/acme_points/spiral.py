"""Points on a spiral."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Data, Field, Source

if TYPE_CHECKING:
    import numpy as np


@frozen
class Spiral(Data):
    """Points (2,) on a spiral round the origin, float32, in the square [-1, 1] up to the noise; ``turn`` tells which.

    Raises ValueError for fewer than one turn.
    """

    #: How many turns the spiral has, at least 1; each is a class of the label ``turn``.
    turns: int = 2
    #: The standard deviation of the noise along each axis.
    sd: float = 0.01

    def __attrs_post_init__(self) -> None:
        if self.turns < 1:
            raise ValueError(f"turns is {self.turns}; give a whole number of at least 1")

    def fields(self) -> Mapping[str, Field]:
        return {"point": Field((2,)), "turn": Field((), "int64", self.turns)}

    def open(self, *, held_out: bool = False) -> Source:
        return _Stream(self, held_out)


class _Stream:
    def __init__(self, spiral: Spiral, held_out: bool) -> None:
        self._spiral, self._held_out = spiral, held_out
        self.fingerprint = sha256(f"spiral 1 {spiral} {held_out}".encode()).hexdigest()

    def __len__(self) -> int:
        return 500 if self._held_out else 10_000

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        import numpy as np

        # Every number is a function of the arguments and of which part this is: nothing is remembered between batches.
        random = np.random.default_rng([seed % 2**63, position, int(self._held_out)])
        along = random.random(size)
        angle = 2 * np.pi * self._spiral.turns * along
        point = along[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
        point += self._spiral.sd * random.standard_normal((size, 2))
        turn = np.minimum((along * self._spiral.turns).astype(np.int64), self._spiral.turns - 1)
        return {"point": point.astype(np.float32), "turn": turn}
