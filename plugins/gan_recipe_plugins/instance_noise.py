"""Noise on what the critic sees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Encoder, Ramp, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class InstanceNoise(Encoder):
    """Adds normal noise to its input in training; without parameters, and nothing in eval mode.

    Real and fake that nobody could tell apart at a glance overlap once both are noisy, so that the critic has a slope
    where the two meet. Put it before the critic on both sides, ``trunk(noisy(target))`` and ``trunk(noisy(fake))``:
    each call draws its own noise, which is a function of the seed and the round. ``sd`` is in the input's own units
    (images lie in [-1, 1]); a ramp follows the rounds, such as ``sd = { from = 0.1, to = 0, over = 10_000 }``.

    Raises ValueError for a standard deviation below 0.

    Source: Sonderby et al. 2017, "Amortised MAP Inference for Image Super-resolution"; Arjovsky and Bottou 2017,
    "Towards Principled Methods for Training Generative Adversarial Networks".
    """

    only_in_training = True

    #: The standard deviation of the noise, at least 0: a number or a ramp over rounds.
    sd: float | Ramp = 0.1

    def __attrs_post_init__(self) -> None:
        ends = (self.sd.from_, self.sd.to) if isinstance(self.sd, Ramp) else (self.sd,)
        if not all(end >= 0 for end in ends):
            raise ValueError(f"sd is {' to '.join(map(str, ends))}; give a standard deviation of at least 0")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _instance_noise

        (example,) = inputs
        if not example.is_floating_point():
            raise ValueError(f"the input is {example.dtype}; noise is added to images, points and features, not labels")
        return _instance_noise.InstanceNoise(self.sd)
