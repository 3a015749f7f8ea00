"""How far apart a critic's scores are: of samples among each other, and of real ones from fakes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Spread(Metric):
    """The standard deviation of a value over the samples, in the value's own units; 0 says the same of all.

    ``value`` is (N, ...), such as a critic's scores (N, 1); of several elements the root of the mean variance is taken.
    A critic whose scores have no spread teaches nothing, whatever its loss.

    Raises ValueError for fewer than two samples.
    """

    def __call__(self, value: Tensor) -> float:
        if value.ndim < 1 or len(value) < 2:
            raise ValueError(f"value has the shape {tuple(value.shape)}; expected at least two samples (N, ...)")
        return float(precise(value).var(dim=0).mean().sqrt())


@frozen
class CriticGap(Metric):
    """``mean(real) - mean(fake)`` of a critic's scores, in logits; 0 is a critic that cannot tell them apart.

    ``real`` and ``fake`` have any shape, and not necessarily the same one. With a logistic loss a gap above 4 means
    that the critic is nearly always sure, and that little gradient is left for the generator.
    """

    def __call__(self, real: Tensor, fake: Tensor) -> float:
        return float(precise(real).mean() - precise(fake).mean())
