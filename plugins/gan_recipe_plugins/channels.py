"""A slice of the features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Head, Traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class Channels(Head):
    """Channels ``first`` to ``stop`` (without it) of maps (B, C, h, w) or of vectors (B, C); it has no parameters.

    The notebook's decomposition is two of these on one code: channels 0 to 240 the identity, 240 to 320 pose and light.

    Raises ValueError when the features have no such channels.
    """

    #: First channel, counted from 0.
    first: int = 0
    #: One past the last channel; None: up to the end.
    stop: int | None = None

    def __attrs_post_init__(self) -> None:
        if self.first < 0 or (self.stop is not None and self.stop <= self.first):
            raise ValueError(f"channels {self.first} to {self.stop} are none; expected 0 <= first < stop")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _channels
        from gan_recipe_plugins._example import feature_count

        (features,) = inputs
        count = feature_count(features)
        stop = count if self.stop is None else self.stop
        if not self.first < stop <= count:
            raise ValueError(f"channels {self.first} to {stop} are asked for, and the features have {count}")
        return _channels.Channels(self.first, stop)
