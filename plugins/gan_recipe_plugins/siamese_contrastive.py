"""The contrastive loss of siamese networks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Loss
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class SiameseContrastive(Loss):
    """Pulls the features of same pairs together and pushes others a margin apart.

    ``mean(y d^2 + (1 - y) max(0, margin - d)^2)`` over the B pairs, where ``d`` is the Euclidean distance of ``first``
    and ``second`` (features of one shape (B, ...), flattened) and ``y`` is ``same``, (B,): 1 for pairs that shall be
    close, 0 for others, of any dtype. At d = 0 the direction away is unknown and the gradient is 0, not NaN.

    Distances (B, 1) times flags (B,) would broadcast to B x B and average every distance with every flag: such a loss
    falls, and teaches nothing. The experiments that this component is named after had that fault. Hence the checks.

    Raises ValueError with the shapes when ``first`` and ``second`` differ or ``same`` is not (B,).

    Source: Hadsell, Chopra and LeCun 2006, "Dimensionality Reduction by Learning an Invariant Mapping", equation 4,
    without its halves, and with Y = 1 - y.
    """

    #: How far apart, in the features' own units, the features of different things should be; above 0.
    margin: float = 2.0

    def __attrs_post_init__(self) -> None:
        if not self.margin > 0:
            raise ValueError(f"margin is {self.margin}; give a distance above 0")

    def __call__(self, first: Tensor, second: Tensor, same: Tensor) -> Tensor:
        from torch.linalg import vector_norm

        equal_shapes("first", first, "second", second)
        if first.ndim < 2 or same.shape != first.shape[:1]:
            raise ValueError(
                f"the features have the shape {tuple(first.shape)} and same {tuple(same.shape)}; "
                "expected (B, ...) and (B,): one flag for every pair"
            )
        difference = (precise(first) - precise(second)).flatten(1)
        squared = difference.square().sum(dim=1)
        # Not the root of ``squared``: the norm's gradient is 0 where it is 0, the root's is infinite.
        missing: Tensor = (self.margin - vector_norm(difference, dim=1)).relu()
        flags = same.to(squared.dtype)
        return (flags * squared + (1 - flags) * missing.square()).mean()
