"""A plain stack of linear layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import ClassCount, Encoder, Traits
from gan_recipe_plugins._traits import traits

if TYPE_CHECKING:
    from torch import Tensor, nn


@frozen
class MLP(Encoder):
    """Linear layers with leaky ReLUs on vectors: (B, ...) to (B, last of ``widths``), or to (B, outputs).

    Several inputs are flattened and laid end to end, so that noise and conditions can be fed together. With
    ``outputs`` a last linear layer follows, without norm or activation: a generator of points, or a critic's logit.

    Raises ValueError for a width or a number of outputs below 1 and for inputs that are labels.
    """

    #: Outputs of each hidden layer.
    widths: tuple[int, ...] = (128, 128, 128)
    #: Outputs of a last linear layer, or the label field whose classes count; left out: there is no such layer.
    outputs: ClassCount | None = None
    #: The normalisation after each hidden linear layer.
    norm: Literal["none", "batch", "layer"] = "none"
    #: The slope of the leaky ReLU below 0; 0 makes it a ReLU.
    slope: float = 0.2

    def __attrs_post_init__(self) -> None:
        if not all(width >= 1 for width in self.widths) or not (self.widths or self.outputs):
            raise ValueError(f"widths are {list(self.widths)}; give at least one, each at least 1")
        if self.outputs is not None and self.outputs < 1:
            raise ValueError(f"outputs is {self.outputs}; expected at least 1")

    def traits(self) -> Traits:
        return traits(self.norm, "norm" if self.outputs is None and self.widths else None)

    def build(self, *inputs: Tensor) -> nn.Module:
        from gan_recipe_plugins import _mlp

        for example in inputs:
            if not example.is_floating_point():
                raise ValueError(f"an input is {example.dtype}; labels go through `one_hot` first")
        features = sum(example[0].numel() for example in inputs)
        return _mlp.MLP(features, self.widths, self.outputs, norm=self.norm, slope=self.slope)
