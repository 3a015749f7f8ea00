"""Rings and grids of Gaussians in the plane: mode collapse that can be counted."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Data, Field, Source

if TYPE_CHECKING:
    import numpy as np


@frozen
class Toy2D(Data):
    """Equally likely round Gaussians: ``point`` of shape (2,), float32, and ``mode``, the label of its Gaussian.

    The ring has its centres on a circle round the origin, mode 0 at (radius, 0) and the others anticlockwise; the grid
    is a square round the origin, counted along x first, from the lower left. Every batch is a function of
    (seed, position, size). Raises ValueError for counts below 1, a standard deviation or a distance of 0 or less, a
    grid whose count is no square, and a setting of the other layout.

    Source: Lin et al. 2018, "PacGAN", section 4.1: a ring of 8 (radius 1, sd 0.01) and a grid of 25 (-4 to 4 in
    steps of 2, sd 0.05), judged over 2,500 samples; a sample within 3 sd of a centre is of high quality.
    """

    #: Where the centres lie.
    layout: Literal["ring", "grid"] = "ring"
    #: How many Gaussians; left out: 8 in the ring, 25 in the grid. A grid needs a square number.
    modes: int | None = None
    #: The ring's radius; left out: 1.
    radius: float | None = None
    #: The distance of two neighbours in the grid; left out: 2.
    spacing: float | None = None
    #: The standard deviation of each Gaussian along each axis; left out: 0.01 in the ring, 0.05 in the grid.
    sd: float | None = None
    #: How many samples one pass over the training part is taken to be; the points themselves have no end.
    samples: int = 100_000
    #: The same for the held-out part: figures are taken over so many samples.
    held_out: int = 2_500

    def __attrs_post_init__(self) -> None:
        for setting in ("modes", "samples", "held_out"):
            count = getattr(self, setting)
            if count is not None and count < 1:
                raise ValueError(f"{setting} is {count}; state a whole number of at least 1")
        for setting in ("radius", "spacing", "sd"):
            length = getattr(self, setting)
            if length is not None and not 0 < length < math.inf:
                raise ValueError(f"{setting} is {length}; state a number above 0")
        foreign = "spacing" if self.layout == "ring" else "radius"
        if getattr(self, foreign) is not None:
            own = "radius" if self.layout == "ring" else "spacing"
            raise ValueError(f"{foreign} means nothing to layout = {self.layout!r}; leave it out, or state {own}")
        if self.layout == "grid" and math.isqrt(self._count()) ** 2 != self._count():
            near = max(1, round(math.sqrt(self._count()))) ** 2
            raise ValueError(f"modes is {self.modes}; a grid is square: state a square number such as {near}")

    def fields(self) -> Mapping[str, Field]:
        shown = frozenset({"mode"})
        return {"point": Field((2,), factors=shown), "mode": Field((), "int64", self._count(), shown)}

    def open(self, *, held_out: bool = False) -> Source:
        return _Stream(self, held_out)

    def centres(self) -> tuple[tuple[float, float], ...]:
        """Every Gaussian's centre (x, y), by mode: what a figure of modes found is counted against."""
        count = self._count()
        if self.layout == "ring":
            radius = 1.0 if self.radius is None else self.radius
            angles = [2 * math.pi * mode / count for mode in range(count)]
            return tuple((radius * math.cos(angle), radius * math.sin(angle)) for angle in angles)
        side = math.isqrt(count)
        spacing = 2.0 if self.spacing is None else self.spacing
        along = [spacing * (step - (side - 1) / 2) for step in range(side)]
        return tuple((x, y) for y in along for x in along)

    def deviation(self) -> float:
        """The standard deviation of each Gaussian, stated or the paper's."""
        if self.sd is not None:
            return self.sd
        return 0.01 if self.layout == "ring" else 0.05

    def _count(self) -> int:
        if self.modes is not None:
            return self.modes
        return 8 if self.layout == "ring" else 25


class _Stream:
    def __init__(self, toy: Toy2D, held_out: bool) -> None:
        from hashlib import sha256

        import numpy as np

        self._held_out = held_out
        self._length = toy.held_out if held_out else toy.samples
        self._centres = np.array(toy.centres())
        self._deviation = toy.deviation()
        stated = ("toy_2d 1", toy.centres(), toy.deviation(), held_out)
        self.fingerprint = sha256(repr(stated).encode()).hexdigest()

    def __len__(self) -> int:
        return self._length

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        import numpy as np

        from gan_recipe_plugins._philox import philox

        random = np.random.Generator(philox("toy_2d", seed, position, self._held_out))
        mode = random.integers(len(self._centres), size=size)
        point = self._centres[mode] + self._deviation * random.standard_normal((size, 2))
        return {"point": point.astype(np.float32), "mode": mode}
