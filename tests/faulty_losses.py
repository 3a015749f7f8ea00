"""Losses each of which breaks one promise of the conformance kit, and a sound one to break it from."""

from __future__ import annotations

import itertools
from typing import Any

from attrs import frozen

from gan_recipe import Loss

_count = itertools.count()


@frozen
class SoundLoss(Loss):
    """The mean of the difference of two scores, after softplus."""

    def __call__(self, real: Any, fake: Any) -> Any:
        from torch.nn.functional import softplus

        if real.shape != fake.shape:
            raise ValueError(f"real is {tuple(real.shape)} and fake {tuple(fake.shape)}")
        return self.of(softplus(fake.double() - real.double()) if real.dtype.itemsize == 8 else
                       softplus(fake.float() - real.float()), real)  # fmt: skip

    def of(self, each: Any, real: Any) -> Any:
        """One number of the samples' ones."""
        return each.mean()


def loss(of: Any) -> Loss:
    """A sound loss with another last step."""

    @frozen
    class FaultyLoss(SoundLoss):
        """The difference of two scores, with a fault."""

        def of(self, each: Any, real: Any) -> Any:
            return of(each, real)

    return FaultyLoss()


def backward_is_wrong(each: Any, real: Any) -> Any:
    return each.mean() + (each * 0.5 - (each * 0.5).detach()).mean()


def wanders(each: Any, real: Any) -> Any:
    return each.mean() + next(_count)


@frozen
class Broadcasting(Loss):
    """The mean of the difference of two scores, of any shapes, after softplus."""

    def __call__(self, real: Any, fake: Any) -> Any:
        from torch.nn.functional import softplus

        return softplus(fake.float() - real.float()).square().mean()


@frozen
class Overflowing(Loss):
    """The log of a sum of exponentials, the way that overflows."""

    def __call__(self, fake: Any) -> Any:
        return (1 + fake.float().exp()).log().mean()


@frozen
class HalfPrecision(Loss):
    """The mean score, in whatever precision it comes."""

    def __call__(self, fake: Any) -> Any:
        return fake.square().mean()


@frozen
class Insisting(Loss):
    """The mean score, weighted, with weights that may seemingly be left out."""

    def __call__(self, fake: Any, weights: Any = None) -> Any:
        return (fake.float() * weights.float()).mean()
