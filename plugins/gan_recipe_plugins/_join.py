"""One feature map out of whatever a decoder is given: code maps, features, noise, one-hot conditions."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_recipe_plugins._example import feature_count, map_shape


class Join(nn.Module):
    """Maps and vectors in, one map of ``channels`` x ``side`` out.

    With a map among the inputs and no pooling, every vector is repeated over the map's positions and everything is
    stacked on the channels. Otherwise maps are averaged over their positions, everything is laid end to end, and a
    linear layer makes the map.
    """

    def __init__(self, examples: Sequence[Tensor], *, pool: bool, channels: int, side: tuple[int, int] | None) -> None:
        """``channels`` is what the linear layer makes, at ``side``, which defaults to that of the maps."""
        super().__init__()
        if not examples:
            raise ValueError("there is no input; expected code maps, feature vectors or both")
        features = [feature_count(example) for example in examples]
        sides = {map_shape(example)[1:] for example in examples if example.dim() == 4}
        self.keeps_map = bool(sides) and not pool
        if len(sides) > 1 and not pool:
            (a, b), (c, d), *_ = sorted(sides)
            raise ValueError(
                f"the maps are {a}x{b} and {c}x{d}; maps that are joined need the same size, or pool = true"
            )
        if len(sides) == 1 and (self.keeps_map or side is None):
            (at,) = sides
            if side is not None and side != at:
                raise ValueError(
                    f"the map is {at[0]}x{at[1]}, and the size asked for needs one of {side[0]}x{side[1]}: change the "
                    "size, leave it out, or set pool = true"
                )
            side = at
        if side is None:
            raise ValueError("nothing tells how large the image is: set size, in pixels")
        self.side = side
        self.channels = sum(features) if self.keeps_map else channels
        self.linear = None if self.keeps_map else nn.Linear(sum(features), channels * side[0] * side[1])

    def forward(self, *inputs: Tensor) -> Tensor:
        if self.linear is None:
            height, width = self.side
            parts = [x if x.dim() == 4 else x[:, :, None, None].expand(-1, -1, height, width) for x in inputs]
            return stacked(parts)
        vectors = [x.mean((2, 3)) if x.dim() == 4 else x for x in inputs]
        features: Tensor = self.linear(stacked(vectors))
        return features.view(-1, self.channels, *self.side)


def stacked(values: Sequence[Tensor]) -> Tensor:
    """Several maps or vectors stacked on their channels; one is itself."""
    return values[0] if len(values) == 1 else torch.cat(list(values), dim=1)
