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

    The notebook's decomposition is two of these on one code of 320: channels 0 to 240 the identity, 240 to 320 pose and
    light. Stated as shares, ``stop = 0.75`` and ``first = 0.75``, the two fit a code of any width.

    Raises ValueError when the features have no such channels.
    """

    #: First channel, counted from 0; or, with a point and below 1, the share of the channels that comes before it.
    first: int | float = 0
    #: One past the last channel; or the share of the channels up to there. None: up to the end.
    stop: int | float | None = None

    def __attrs_post_init__(self) -> None:
        for name, place in (("first", self.first), ("stop", self.stop)):
            if isinstance(place, float) and not 0 < place < 1:
                raise ValueError(f"{name} is {place}: a share lies between 0 and 1; a channel is a whole number")
        alike = isinstance(self.first, float) == isinstance(self.stop, float)
        if self.first < 0 or (self.stop is not None and (self.stop <= 0 or (alike and self.stop <= self.first))):
            raise ValueError(f"channels {self.first} to {self.stop} are none; expected 0 <= first < stop")

    def traits(self) -> Traits:
        return Traits()

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _channels
        from gan_recipe_plugins._example import feature_count

        (features,) = inputs
        count = feature_count(features)
        first = _channel(self.first, count)
        stop = count if self.stop is None else _channel(self.stop, count)
        if not first < stop <= count:
            raise ValueError(f"channels {first} to {stop} are asked for, and the features have {count}")
        return _channels.Channels(first, stop)


def _channel(place: int | float, count: int) -> int:
    return round(place * count) if isinstance(place, float) else place
