"""How image sizes halve."""

from __future__ import annotations


def halvings(size: int) -> int:
    """How often ``size`` can be halved before it falls below 4."""
    return max(0, (size // 4).bit_length() - 1)


def check_pyramid(size: int) -> None:
    """Raise ``ValueError`` unless ``size`` is a map of 4 to 7 positions, doubled at least once."""
    if halvings(size) < 1 or size % 2 ** halvings(size):
        raise ValueError(f"the size is {size} px; expected 4, 5, 6 or 7 times a power of two, such as 32, 48, 64 or 96")
