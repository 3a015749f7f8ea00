"""Differentiable augmentation of what the critic sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Encoder, Traits
from gan_recipe_plugins._example import map_shape

if TYPE_CHECKING:
    from torch import Tensor, nn

Change = Literal["colour", "translation", "cutout", "flip"]


@frozen
class DiffAugment(Encoder):
    """Images (B, C, H, W) with random changes of colour and place in training; nothing in eval mode; no parameters.

    Put it before the critic on both sides, ``trunk(augment(target))`` and ``trunk(augment(fake))``: each call draws for
    every sample anew, as a function of the seed and the round, and gradients pass to the generator. The critic then
    cannot learn few reals by heart, and the generator is not taught to make augmented images. A critic of pairs would
    see its two images changed apart.

    Changes come in the stated order: ``colour`` (brightness by up to 0.5, saturation times 0 to 2, contrast times 0.5
    to 1.5), ``translation`` (up to an eighth of each side, 0 comes in), ``cutout`` (a square of half the side is 0),
    ``flip`` (half of the samples mirrored).

    Raises ValueError for inputs that are no images.

    Source: Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training", section 3.
    """

    only_in_training = True

    #: What is changed, in this order.
    changes: tuple[Change, ...] = ("colour", "translation", "cutout")

    def __attrs_post_init__(self) -> None:
        if not self.changes:
            raise ValueError("changes is empty; state what is changed, such as ['translation']")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _augment

        (images,) = inputs
        map_shape(images)
        return _augment.Augment(self.changes)


@frozen
class ADA(Encoder):
    """``diff_augment`` that finds its own strength: each change comes with probability p, steered by the critic.

    r_t is the mean sign of the critic's verdicts on real training images: 0 for a critic that does not know them, 1 for
    one that knows each by heart. Above ``target`` p grows, below it falls, by as much as takes it from 0 to 1 ``over``
    so many images. The network sees the verdicts because the recipe passes them through it: what has the shape of the
    images that it was built for is augmented, anything else is counted and handed on as it is::

        real_score = "ada(verdict(trunk(ada(target))))"
        fake_score = "verdict(trunk(ada(fake)))"

    p and the counts are buffers, which checkpoints hold; nothing waits for the device. A smaller set of changes than
    the paper's, in whose order any that leak into the generator would come last. Nothing happens in eval mode.

    Raises ValueError for inputs that are no images.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", sections 2.2 and 3.1.
    """

    only_in_training = True

    #: What is changed, in this order.
    changes: tuple[Change, ...] = ("flip", "translation", "colour", "cutout")
    #: The mean sign of the critic's verdicts on reals that p is steered towards, between -1 and 1.
    target: float = 0.6
    #: Real images over which p can go from 0 to 1.
    over: int = 500_000
    #: Batches of verdicts between two steps of p.
    interval: int = 4

    def __attrs_post_init__(self) -> None:
        if not self.changes:
            raise ValueError("changes is empty; state what is changed, such as ['translation']")
        if not -1 < self.target < 1:
            raise ValueError(f"target is {self.target}; the mean of signs lies between -1 and 1, usually 0.6")
        for name in ("over", "interval"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; state at least 1")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _augment

        (images,) = inputs
        map_shape(images)
        return _augment.Adaptive(images, self.changes, target=self.target, over=self.over, interval=self.interval)
