"""What a formula over elements needs of its tensors: the same shape, and enough digits.

Torch broadcasts (B, 1) with (B,) to (B, B) without a word, and the mean over that is a plausible number that teaches
nothing. Every loss that subtracts or multiplies two tensors comes through here first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def equal_shapes(first_name: str, first: Tensor, second_name: str, second: Tensor) -> None:
    """Raise ValueError with both shapes unless they are equal."""
    if first.shape != second.shape:
        raise ValueError(
            f"{first_name} has the shape {tuple(first.shape)} and {second_name} {tuple(second.shape)}; "
            "they are compared element by element, so the shapes must be equal"
        )


def precise(tensor: Tensor) -> Tensor:
    """The tensor in float32, or in float64 if it is that already: sums in half precision lose what a loss measures."""
    import torch

    return tensor if tensor.dtype == torch.float64 else tensor.float()
