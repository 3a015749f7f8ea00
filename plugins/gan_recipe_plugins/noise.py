"""Noise without end: what a generator of the plain GAN is fed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Data, Field, Source

if TYPE_CHECKING:
    import numpy as np


@frozen
class Noise(Data):
    """Independent noise: one field of shape (size,), float32, standard normal or uniform in [-1, 1).

    Every batch is a function of (seed, position, size); the held-out part is other noise. Raises ValueError for a size
    or a number of samples below 1 and for a field name that an expression could not hold.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets"; the uniform one is DCGAN's (Radford et al. 2016).
    """

    #: Numbers per sample.
    size: int = 100
    #: "normal" has mean 0 and standard deviation 1; "uniform" lies in [-1, 1).
    distribution: Literal["normal", "uniform"] = "normal"
    #: The name of the field that is yielded.
    field: str = "noise"
    #: How many samples one pass over the training part is taken to be; the noise itself has no end.
    samples: int = 100_000
    #: The same for the held-out part: figures are taken over so many samples.
    held_out: int = 2_500

    def __attrs_post_init__(self) -> None:
        for setting in ("size", "samples", "held_out"):
            if getattr(self, setting) < 1:
                raise ValueError(f"{setting} is {getattr(self, setting)}; state a whole number of at least 1")
        if not (self.field.isascii() and self.field.isidentifier()):
            raise ValueError(f"field is {self.field!r}; state a name of letters, digits and _, such as 'noise'")

    def fields(self) -> Mapping[str, Field]:
        return {self.field: Field((self.size,), factors=frozenset())}

    def open(self, *, held_out: bool = False) -> Source:
        return _Stream(self, held_out)


class _Stream:
    def __init__(self, noise: Noise, held_out: bool) -> None:
        from hashlib import sha256

        self._noise = noise
        self._held_out = held_out
        stated = ("noise 1", noise.size, noise.distribution, noise.field, held_out)
        self.fingerprint = sha256(repr(stated).encode()).hexdigest()

    def __len__(self) -> int:
        return self._noise.held_out if self._held_out else self._noise.samples

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        import numpy as np

        from gan_recipe_plugins._philox import philox

        # The field's name is part of the key: two noises of one recipe shall not be the same numbers.
        random = np.random.Generator(philox("noise", self._noise.field, seed, position, self._held_out))
        shape = (size, self._noise.size)
        if self._noise.distribution == "normal":
            return {self._noise.field: random.standard_normal(shape, np.float32)}
        return {self._noise.field: random.random(shape, np.float32) * np.float32(2) - np.float32(1)}
