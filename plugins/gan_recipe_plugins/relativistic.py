"""Relativistic pairing: not how real a sample is, but how much more real than the fake it is paired with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class RelativisticCritic(Loss):
    """The critic's side of the relativistic pairing loss: ``mean(log(1 + exp(-(real - fake))))``.

    ``real`` and ``fake`` are logits of one shape, sample i paired with sample i. The loss does not change when one
    number is added to all logits, so the critic cannot drift, and it has no bad local minima that drop modes. It needs
    R1 and R2 beside it to converge (``r1`` and ``r2``). A critic that knows nothing stands at ln 2 = 0.693.

    Raises ValueError with both shapes when they differ.

    Source: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern Baseline GAN", equation 2;
    Jolicoeur-Martineau 2019, "The relativistic discriminator".
    """

    adversarial = "critic"
    roles: ClassVar[Mapping[str, Role]] = {"real": "logit", "fake": "logit"}

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        equal_shapes("real", real, "fake", fake)
        return softplus(precise(fake) - precise(real)).mean()


@frozen
class RelativisticGenerator(Loss):
    """The generator's side of the relativistic pairing loss: ``mean(log(1 + exp(-(fake - real))))``.

    ``real`` and ``fake`` are logits of one shape, sample i paired with sample i: the critic's loss with the two changed
    places. The generator is paid for overtaking the very sample that it is paired with.

    Raises ValueError with both shapes when they differ.

    Source: Huang et al. 2024, "The GAN is dead; long live the GAN! A Modern Baseline GAN", equation 2.
    """

    adversarial = "generator"
    roles: ClassVar[Mapping[str, Role]] = {"real": "logit", "fake": "logit"}

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        equal_shapes("real", real, "fake", fake)
        return softplus(precise(real) - precise(fake)).mean()
