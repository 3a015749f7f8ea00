"""The hinge loss: a sample that is right by a margin teaches the critic nothing more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class HingeCritic(Loss):
    """The critic's side of the hinge loss.

    ``mean(max(0, 1 - real)) + mean(max(0, 1 + fake))`` of critic outputs of any shape. The margin is 1 and no setting:
    a critic of free scale can turn any margin into any other.

    Source: Lim and Ye 2017, "Geometric GAN", equation 8; Miyato et al. 2018, "Spectral Normalization for Generative
    Adversarial Networks", equation 16.
    """

    adversarial = "critic"
    roles: ClassVar[Mapping[str, Role]] = {"real": "verdict", "fake": "verdict"}

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        return (1 - precise(real)).relu().mean() + (1 + precise(fake)).relu().mean()


@frozen
class HingeGenerator(Loss):
    """The generator's side of the hinge loss: ``-mean(fake)`` of critic outputs of any shape, without a hinge.

    Source: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", equation 17.
    """

    adversarial = "generator"
    roles: ClassVar[Mapping[str, Role]] = {"fake": "verdict"}

    def __call__(self, fake: Tensor) -> Tensor:
        return -precise(fake).mean()
