"""Distances between images as a network sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Function


@frozen
class Perceptual(Loss):
    """The mean absolute difference of a network's features of two images.

    ``features`` is a network (or a composition) handed as a function; it returns one tensor (B, C, ...) or a tuple of
    them, one a level. A level's difference is the mean over its elements, and the loss is the mean over levels, so
    that neither large maps nor many levels outweigh the rest. ``output`` and ``target`` are images of one shape, in
    the range that the network takes. No gradient flows to ``target``. The network should be in no player's ``trains``,
    which freezes it; it is called twice, so a network that normalises over the batch sees real and fake images apart.

    Raises ValueError with both shapes when they differ.

    Source: Johnson et al. 2016, "Perceptual Losses for Real-Time Style Transfer and Super-Resolution", equation 2,
    with the absolute in place of the squared difference; the unit length is from Zhang et al. 2018, "The Unreasonable
    Effectiveness of Deep Features as a Perceptual Metric", equation 1.
    """

    roles: ClassVar[Mapping[str, Role]] = {"output": "output", "target": "target"}

    #: Scale the features at every position to unit length over the channels, so that no strong level dominates.
    unit_length: bool = False

    def __call__(self, output: Tensor, target: Tensor, features: Function) -> Tensor:
        import torch

        equal_shapes("output", output, "target", target)
        with torch.no_grad():
            wanted = self._levels(features, target)
        found = self._levels(features, output)
        differences = [(level - other).abs().mean() for level, other in zip(found, wanted, strict=True)]
        return torch.stack(differences).mean()

    def _levels(self, features: Function, images: Tensor) -> list[Tensor]:
        from torch.nn.functional import normalize

        maps = features(images)
        levels = [precise(level) for level in (maps if isinstance(maps, (tuple, list)) else (maps,))]
        return [normalize(level, dim=1) for level in levels] if self.unit_length else levels
