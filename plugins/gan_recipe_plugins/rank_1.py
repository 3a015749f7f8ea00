"""Whether the outputs are still the same people, judged by pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class Rank1(Metric):
    """The share of outputs whose nearest true face is the right person's; 1 is best, chance is 1 / people.

    ``gallery`` holds for each output the true face of that person (frontal, in the light that the outputs should have),
    and ``identity`` the person, (N,) int64. Of each person the first face is taken, and nearest is by the Euclidean
    distance of pixels. ``judged_rank_1`` does the same with an embedding.

    Raises ValueError with the shapes when output and gallery differ or identity is not (N,).
    """

    def __call__(self, output: Tensor, gallery: Tensor, identity: Tensor) -> float:
        from gan_recipe_plugins._retrieval import rank_1_share

        equal_shapes("output", output, "gallery", gallery)
        if output.ndim < 2 or identity.shape != output.shape[:1]:
            raise ValueError(
                f"output has the shape {tuple(output.shape)} and identity {tuple(identity.shape)}; "
                "expected (N, ...) and (N,): one person for every output"
            )
        return rank_1_share(precise(output).flatten(1), precise(gallery).flatten(1), identity)
