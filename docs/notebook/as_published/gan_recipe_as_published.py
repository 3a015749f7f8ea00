"""Losses of the notebook as they were published, faults included: to be measured, never to be used.

No component of gan-recipe computes these, nor should one have a setting that makes it. They are a plugin of the
notebook's pages instead, which nothing installs: `PYTHONPATH=docs/notebook/as_published` lets a recipe name it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Loss, hookimpl

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Contrastive(Loss):
    """The contrastive loss with distances (N, 1) times flags (N,): torch makes it N x N, and the mean runs over all.

    Every distance then counts with every flag, so that which pair is the same has no say. ``first`` and ``second`` are
    features (B, ...), ``same`` is (B,).

    Raises RuntimeError when the features do not divide into ``rows``.
    """

    #: How far apart the features of different things should be.
    margin: float = 2.0
    #: The features are cut into so many rows, whatever the batch: the scripts had 64 written into them, at a batch of
    #: 50. 0 keeps one row for each sample.
    rows: int = 0

    def __call__(self, first: Tensor, second: Tensor, same: Tensor) -> Tensor:
        from torch.nn.functional import pairwise_distance

        rows = self.rows or len(first)
        distance = pairwise_distance(first.reshape(rows, -1), second.reshape(rows, -1), keepdim=True)
        return (same * distance**2 + (1 - same) * (self.margin - distance).clamp(min=0) ** 2).mean()


@hookimpl
def gan_recipe_components() -> dict[str, type[Contrastive]]:
    return {"contrastive": Contrastive}
