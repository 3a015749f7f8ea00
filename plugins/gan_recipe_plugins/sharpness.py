"""Whether the outputs are as sharp as the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Sharpness(Metric):
    """The total absolute gradient of the outputs over that of the targets; 1 is as sharp as the truth.

    Below 1 the outputs are blurry; above 1 they hold noise or artifacts that the truth lacks (the figure cannot tell
    these from detail). ``output`` and ``target`` are images (N, C, H, W) of one shape; the gradient is the difference
    of neighbouring pixels, down and across, and is summed over all samples before the two totals are divided, so that
    flat images weigh little.

    Raises ValueError with the shapes when they differ or are no images, and when the targets are all flat.
    """

    def __call__(self, output: Tensor, target: Tensor) -> float:
        equal_shapes("output", output, "target", target)
        if output.ndim != 4:
            raise ValueError(f"output has the shape {tuple(output.shape)}; expected images (N, C, H, W)")
        truth = _total_gradient(target)
        if truth == 0:
            raise ValueError("every target is one flat colour, so there is no sharpness to compare with")
        return _total_gradient(output) / truth


def _total_gradient(images: Tensor) -> float:
    images = precise(images)
    return float(images.diff(dim=2).abs().sum() + images.diff(dim=3).abs().sum())
