"""How far outputs are from where they should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Distance(Metric):
    """The Euclidean distance of ``output`` and ``target``, averaged over samples; lower is better.

    Both are of one shape, samples first; the square runs over all other dimensions.

    Raises ValueError with both shapes when they differ.
    """

    def __call__(self, output: Tensor, target: Tensor) -> float:
        equal_shapes("output", output, "target", target)
        return float((precise(output) - precise(target)).flatten(1).norm(dim=1).mean())
