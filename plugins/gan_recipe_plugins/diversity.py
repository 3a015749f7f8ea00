"""Whether the outputs differ from each other as much as the truth does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Diversity(Metric):
    """The mean distance between two outputs over that between two targets; 1 is as diverse as the truth.

    ``output`` and ``target`` are images, or any other tensors, (N, ...) of one shape. The distance of two samples is
    the Euclidean one of all their elements, and the mean runs over all pairs. A generator that makes one image for all
    inputs, which is what mode collapse looks like in a conditional GAN, has 0. Above 1 the outputs differ in what the
    truth does not: artifacts, or the input's pose and light showing through. Pairs number N (N - 1) / 2, so that a few
    thousand samples are what a computer's memory holds.

    Raises ValueError with the shapes when they differ, for fewer than two samples, and when all targets are equal.
    """

    def __call__(self, output: Tensor, target: Tensor) -> float:
        equal_shapes("output", output, "target", target)
        if output.ndim < 2 or len(output) < 2:
            raise ValueError(f"output has the shape {tuple(output.shape)}; expected at least two samples (N, ...)")
        truth = _mean_distance(target)
        if truth == 0:
            raise ValueError("all targets are equal, so there is no diversity to compare with")
        return _mean_distance(output) / truth


def _mean_distance(samples: Tensor) -> float:
    from torch.nn.functional import pdist

    return float(pdist(precise(samples).flatten(1)).mean())
