"""Normalisation layers by the names that the networks' settings use."""

from __future__ import annotations

from torch import nn

# Eight groups divide every channel count that a width can produce.
GROUPS = 8


def norm_layer(name: str, channels: int) -> nn.Module:
    """``batch``, ``group``, ``instance`` (with a learnt scale and shift) or ``none``."""
    match name:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "group":
            return nn.GroupNorm(GROUPS, channels)
        case "instance":
            return nn.InstanceNorm2d(channels, affine=True)
        case "none":
            return nn.Identity()
    raise ValueError(f"there is no normalisation {name!r}; expected batch, group, instance or none")
