"""Several samples before the critic at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Encoder, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class Pack(Encoder):
    """Lays ``samples`` consecutive samples on top of each other: (B, C, ...) to (B / samples, samples x C, ...).

    A critic that sees several samples at once sees when they are all alike, which one sample cannot show. Put it before
    the critic on both sides: ``critic(pack(point))`` and ``critic(pack(fake))``. It has no parameters. A penalty takes
    the packed critic and packed samples: ``critic = "critic(_)", real = "pack(point)"``.

    Raises ValueError when the batch is no multiple of ``samples``.

    Source: Lin et al. 2018, "PacGAN: The power of two samples in generative adversarial networks", section 2.
    """

    #: How many samples the critic sees at once; at least 2.
    samples: int = 2

    def __attrs_post_init__(self) -> None:
        if self.samples < 2:
            raise ValueError(f"samples is {self.samples}; one sample is no pack: give at least 2")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _pack

        (_,) = inputs
        return _pack.Pack(self.samples)
