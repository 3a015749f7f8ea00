"""A pool of past fakes for the critic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Encoder, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class Replay(Encoder):
    """Keeps ``size`` past samples, and in training hands on one of those for about half of the batch.

    A critic that sees only the newest fakes forgets the old ones, and the two chase each other in circles. Written on
    the critic's side alone, ``fake = "verdict(trunk(replay(fake)))"``: past samples carry no gradient to the generator,
    whose own loss reads ``verdict(trunk(fake))``. Until the pool is full, samples are kept and handed on unchanged;
    then each is, with probability 1/2, exchanged for a random one of the pool. Nothing happens in eval mode.

    The pool is a buffer, which checkpoints hold: it costs ``size`` samples of memory and file.

    Raises ValueError when a batch is larger than the pool.

    Source: Shrivastava et al. 2017, "Learning from Simulated and Unsupervised Images through Adversarial Training",
    section 2.3, with the pool of CycleGAN (Zhu et al. 2017, section 4: 50 images).
    """

    only_in_training = True

    #: Samples in the pool; at least as many as a batch has.
    size: int = 50

    def __attrs_post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size is {self.size}; state at least as many samples as a batch has")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _replay

        (example,) = inputs
        return _replay.Replay(example, self.size)
