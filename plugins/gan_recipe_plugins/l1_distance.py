"""How far the outputs are from the truth, in grey levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class L1Distance(Metric):
    """The mean absolute difference of ``output`` and ``target`` in grey levels of 0 to 255; lower is better.

    Both are images in [-1, 1] of one shape; the mean runs over all pixels, channels and samples.

    Raises ValueError with both shapes when they differ.
    """

    def __call__(self, output: Tensor, target: Tensor) -> float:
        equal_shapes("output", output, "target", target)
        return float((precise(output) - precise(target)).abs().mean() * 127.5)
