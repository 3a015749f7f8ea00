"""Channel counts: a paper's number times a recipe's width."""

from __future__ import annotations

import math


def scaled(channels: int, width: float) -> int:
    """``channels * width``, rounded to a multiple of 8 and at least 8, so that eight groups always divide it."""
    return max(8, 8 * math.floor(channels * width / 8 + 0.5))


def check_width(width: float) -> None:
    """Raise ``ValueError`` unless ``width`` can multiply a channel count."""
    if not (math.isfinite(width) and width > 0):
        raise ValueError(f"the width is {width}; expected a positive multiplier of the channels, such as 0.5 or 1.0")
