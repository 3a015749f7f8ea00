"""A distribution with all of its mass in one place."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Data, Field, Source

if TYPE_CHECKING:
    import numpy as np


@frozen
class Dirac(Data):
    """The same point again and again: one field of shape (numbers of ``at``,), float32.

    As the truth it is the simplest that a GAN can be asked for, and whether training arrives there can be worked out by
    hand. At 1 it is a constant input: a linear layer without a bias on it is a generator that is a single point.
    Training and held-out part are equal. Raises ValueError for no number, for one that is not finite, and for a field
    name that an expression could not hold.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", definition 2.1 (Dirac-GAN).
    """

    #: The coordinates of the point.
    at: tuple[float, ...] = (0.0,)
    #: The name of the field that is yielded.
    field: str = "point"

    def __attrs_post_init__(self) -> None:
        if not self.at or not all(map(math.isfinite, self.at)):
            raise ValueError(f"at is {list(self.at)}; state the finite coordinates of a point, such as [0.0]")
        if not (self.field.isascii() and self.field.isidentifier()):
            raise ValueError(f"field is {self.field!r}; state a name of letters, digits and _, such as 'point'")

    def fields(self) -> Mapping[str, Field]:
        return {self.field: Field((len(self.at),), factors=frozenset())}

    def open(self, *, held_out: bool = False) -> Source:
        return _Point(self)


class _Point:
    def __init__(self, dirac: Dirac) -> None:
        from hashlib import sha256

        self._dirac = dirac
        self.fingerprint = sha256(repr(("dirac 1", dirac.at, dirac.field)).encode()).hexdigest()

    def __len__(self) -> int:
        return 1

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        import numpy as np

        return {self._dirac.field: np.tile(np.array(self._dirac.at, np.float32), (size, 1))}
