"""The Wasserstein distance, as a critic of bounded slope estimates it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class WassersteinCritic(Loss):
    """The critic's side of WGAN: ``mean(fake) - mean(real)`` of critic outputs of any shape.

    A value below zero is what a working critic has: its negative estimates the distance, up to the critic's Lipschitz
    constant. That constant must be bounded by something else: the constraint ``wgan_clip``, the penalty ``wgan_gp`` or
    the constraint ``spectral_norm``. Without one the loss falls for ever.

    Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1.
    """

    adversarial = "critic"
    roles: ClassVar[Mapping[str, Role]] = {"real": "wasserstein", "fake": "wasserstein"}

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        return precise(fake).mean() - precise(real).mean()


@frozen
class WassersteinGenerator(Loss):
    """The generator's side of WGAN: ``-mean(fake)`` of critic outputs of any shape.

    Source: Arjovsky et al. 2017, "Wasserstein GAN", algorithm 1.
    """

    adversarial = "generator"
    roles: ClassVar[Mapping[str, Role]] = {"fake": "verdict"}

    def __call__(self, fake: Tensor) -> Tensor:
        return -precise(fake).mean()
