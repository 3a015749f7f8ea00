"""The first GAN's loss: binary cross-entropy on real and fake."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class BCECritic(Loss):
    """The critic's side of the first GAN's loss: tell real from fake.

    ``-mean(log sigmoid(real)) - mean(log(1 - sigmoid(fake)))``, where ``real`` and ``fake`` are logits of any shape,
    and not necessarily the same one. Two sums of means: a critic that knows nothing stands at 2 ln 2 = 1.386.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", equation 1; the smoothing of the real label alone is
    from Salimans et al. 2016, "Improved Techniques for Training GANs", section 3.4.
    """

    adversarial = "critic"
    roles: ClassVar[Mapping[str, Role]] = {"real": "logit", "fake": "logit"}

    #: The label of real samples, above 0 and at most 1. Below 1 the critic is punished for being too sure of them.
    real_label: float = 1.0

    def __attrs_post_init__(self) -> None:
        if not 0 < self.real_label <= 1:
            raise ValueError(f"real_label is {self.real_label}; give a number above 0 and at most 1 (1: no smoothing)")

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        real, fake = precise(real), precise(fake)
        loss = softplus(-real).mean() + softplus(fake).mean()
        if self.real_label != 1:
            # a * softplus(-x) + (1 - a) * softplus(x), with softplus(x) = softplus(-x) + x
            loss = loss + (1 - self.real_label) * real.mean()
        return loss


@frozen
class BCEGenerator(Loss):
    """The generator's side of the first GAN's loss, in the form that does not saturate.

    ``-mean(log sigmoid(fake))`` of logits of any shape: the generator maximises the log-probability that the critic is
    mistaken, which leaves a gradient where the critic is sure; minimising ``log(1 - sigmoid(fake))`` would not.

    Source: Goodfellow et al. 2014, "Generative Adversarial Nets", section 3.
    """

    adversarial = "generator"
    roles: ClassVar[Mapping[str, Role]] = {"fake": "logit"}

    #: Minimise ``mean(log(1 - sigmoid(fake)))`` instead, the game of the paper's equation 1, which theory speaks of.
    saturating: bool = False

    def __call__(self, fake: Tensor) -> Tensor:
        from torch.nn.functional import softplus

        return -softplus(precise(fake)).mean() if self.saturating else softplus(-precise(fake)).mean()
