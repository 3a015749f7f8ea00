"""A loss on pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Loss

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class SoftplusRanking(Loss):
    """How far ``lower`` is from lying a margin below ``higher``: ``mean(softplus(lower - higher + margin))``.

    Both are scores of one shape, sample i paired with sample i. A critic reads ``higher = real``, ``lower = fake``, a
    generator the other way round.

    Raises ValueError with both shapes when they differ.

    Source: the logistic ranking loss of Burges et al. 2005, "Learning to Rank using Gradient Descent", with a margin.
    """

    #: How far apart the two should be before the loss lets go; at least 0.
    margin: float = 0.0

    def __attrs_post_init__(self) -> None:
        if not self.margin >= 0:
            raise ValueError(f"margin is {self.margin}; give a number of at least 0")

    def __call__(self, higher: Tensor, lower: Tensor) -> Tensor:
        import torch
        from torch.nn.functional import softplus

        if higher.shape != lower.shape:
            raise ValueError(f"higher has the shape {tuple(higher.shape)} and lower {tuple(lower.shape)}")
        precise = torch.float64 if higher.dtype == torch.float64 else torch.float32
        return softplus(lower.to(precise) - higher.to(precise) + self.margin).mean()
