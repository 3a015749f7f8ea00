"""Distances between images, element by element."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class L1(Loss):
    """The mean absolute difference: ``mean(weights |output - target|)``.

    ``output`` and ``target`` have one shape. ``weights``, where given, has that shape too, or one channel that serves
    all ((B, 1, H, W) for images), and is not negative: 20 on the contour and 1 elsewhere makes an error on the contour
    count 20 times. The mean runs over all elements and is not divided by the weights' mean: more weight is more loss.

    Images in [-1, 1] give values up to 2; a loss of 0.1 is 12.75 of 255.

    Raises ValueError with both shapes when they do not fit.
    """

    roles: ClassVar[Mapping[str, Role]] = {"output": "output", "target": "target"}

    def __call__(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        return _mean(_weighted_difference(output, target, weights).abs())


@frozen
class L2(Loss):
    """The mean squared difference: ``mean((weights (output - target))^2)``.

    ``output`` and ``target`` have one shape. ``weights``, where given, has that shape too, or one channel that serves
    all ((B, 1, H, W) for images). It multiplies both sides before they are subtracted, as in the notebook's masked
    entries, so it counts squared: 20 on the contour makes an error there count 400 times. The mean runs over all
    elements and is not divided by the weights' mean: more weight is more loss.

    Raises ValueError with both shapes when they do not fit.
    """

    roles: ClassVar[Mapping[str, Role]] = {"output": "output", "target": "target"}

    def __call__(self, output: Tensor, target: Tensor, weights: Tensor | None = None) -> Tensor:
        return _mean(_weighted_difference(output, target, weights).square())


def _weighted_difference(output: Tensor, target: Tensor, weights: Tensor | None) -> Tensor:
    equal_shapes("output", output, "target", target)
    difference = precise(output) - precise(target)
    if weights is None:
        return difference
    shape = tuple(output.shape)
    if len(shape) < 2 or tuple(weights.shape) not in (shape, (shape[0], 1, *shape[2:])):
        raise ValueError(
            f"output has the shape {shape} and weights {tuple(weights.shape)}; "
            "expected output's shape, or that shape with one channel"
        )
    return weights.to(difference.dtype) * difference


def _mean(each: Tensor) -> Tensor:
    """Over all elements. The gradient of torch's own ``mean`` is written out for each of them; that of a sum is one
    number, which takes a quarter off a term of full images."""
    return each.sum() / each.numel()
