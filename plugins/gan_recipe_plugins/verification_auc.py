"""Whether features tell pairs of the same person from pairs of different ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class VerificationAUC(Metric):
    """How often a pair that is the same lies closer than one that is not: the area under the ROC curve; 1 is best.

    ``first`` and ``second`` are features (N, ...) of one shape, or images; the distance of a pair is the Euclidean one.
    ``same`` is (N,), 1 for pairs of the same thing and 0 for others, of any dtype. Chance is 0.5; two distances that
    are equal count as half right. No threshold is chosen, so that features need no scale.

    Raises ValueError with the shapes when they do not fit, and when all pairs are the same or none is.
    """

    def __call__(self, first: Tensor, second: Tensor, same: Tensor) -> float:
        import torch

        equal_shapes("first", first, "second", second)
        if first.ndim < 2 or same.shape != first.shape[:1]:
            raise ValueError(
                f"first has the shape {tuple(first.shape)} and same {tuple(same.shape)}; "
                "expected (N, ...) and (N,): one flag for every pair"
            )
        distance = torch.linalg.vector_norm((precise(first) - precise(second)).flatten(1), dim=1)
        flags = same.bool()
        near, far = distance[flags], distance[~flags].sort().values
        if not len(near) or not len(far):
            raise ValueError("all pairs are the same or none is; pairs of both kinds are needed")
        # Of each near pair: the far ones beyond it, those at the same distance counted half.
        closer = torch.searchsorted(far, near, right=False) + torch.searchsorted(far, near, right=True)
        return float(1 - closer.double().mean() / (2 * len(far)))
