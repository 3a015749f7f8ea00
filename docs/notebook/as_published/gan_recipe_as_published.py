"""A loss and an order of cameras as the notebook published them, faults included: to be measured, never to be used.

No component of gan-recipe computes these, nor should one have a setting that makes it. They are a plugin of the
notebook's pages instead, which nothing installs: `PYTHONPATH=docs/notebook/as_published` lets a recipe name it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from gan_recipe import Loss, Source, cache_folder, hookimpl
from gan_recipe_plugins._faces.source import Faces
from gan_recipe_plugins.synthetic_faces import SyntheticFaces

if TYPE_CHECKING:
    from torch import Tensor

#: The author's list of cameras, 080 130 140 051 050 041 190 090 200, in our poses 0 to 8 (yaw -60 to 60 degrees). Its
#: neighbours 1 and 8 stand 105 degrees apart, 8 and 0 stand 120.
CAMERAS = np.array([7, 6, 5, 4, 3, 2, 1, 8, 0])


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


@frozen
class UnsortedFaces(SyntheticFaces):
    """`synthetic_faces` whose `partner` in training is a neighbour in the author's list of cameras, not in space.

    Held-out faces come as they always do, so that runs with either are judged by the same pairs.
    """

    def open(self, *, held_out: bool = False) -> Source:
        return super().open(held_out=True) if held_out else _Unsorted(self, cache_folder() / "synthetic_faces", False)


class _Unsorted(Faces):
    def __init__(self, settings: SyntheticFaces, folder: Any, held_out: bool) -> None:
        super().__init__(settings, folder, held_out=held_out)
        self.fingerprint = hashlib.sha256(b"unsorted" + self.fingerprint.encode()).hexdigest()

    def _labels(self, seed: int, first: int, size: int) -> dict[str, Any]:
        """Numbers in the list instead of poses: both members of a pair are drawn as ever, and looked up."""
        labels = super()._labels(seed, first, size)
        return labels | {name: CAMERAS[labels[name]] for name in ("pose", "partner_pose")}


@hookimpl
def gan_recipe_components() -> dict[str, type]:
    return {"contrastive": Contrastive, "unsorted_faces": UnsortedFaces}
