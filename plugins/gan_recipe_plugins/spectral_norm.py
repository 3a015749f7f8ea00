"""Spectral normalisation: every layer's largest singular value is 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from attrs import frozen

from gan_recipe import Constraint

if TYPE_CHECKING:
    from torch import nn

Layer = Literal["convolution", "transposed_convolution", "linear", "embedding"]


@frozen
class SpectralNorm(Constraint):
    """Divides the weight of every layer by its largest singular value, which bounds the slope of the whole network.

    It is attached once, before the optimiser is made, and acts in every forward pass from then on; the estimate of the
    singular value is refined by ``power_iterations`` in each pass in training mode and stands still in eval mode. Its
    first estimate draws from torch's global generator. A layer that has it already is left as it is.

    The kernel of a convolution is taken as the matrix (outputs, inputs x height x width), as in the paper; this is not
    quite the norm of the convolution.

    Raises ValueError when the network has no layer to normalise.

    Source: Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1; embeddings
    as in Miyato and Koyama 2018, "cGANs with Projection Discriminator".
    """

    bounds_slope = True

    #: How often each forward pass in training mode refines the estimate; at least 1, which is the usual number.
    power_iterations: int = 1
    #: Kinds of layers to leave alone.
    spare: tuple[Layer, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.power_iterations < 1:
            raise ValueError(f"power_iterations is {self.power_iterations}; give a whole number of at least 1")

    def attach(self, network: nn.Module) -> None:
        from torch.nn.utils import parametrizations
        from torch.nn.utils.parametrize import is_parametrized

        layers = [module for module in network.modules() if _layer(module) not in (None, *self.spare)]
        if not layers:
            raise ValueError(
                f"{type(network).__name__} has no layer for the spectral norm to act on"
                + (f"; spared: {', '.join(self.spare)}" if self.spare else "")
            )
        for layer in layers:
            if not is_parametrized(layer, "weight"):
                parametrizations.spectral_norm(layer, n_power_iterations=self.power_iterations)


def _layer(module: nn.Module) -> Layer | None:
    from torch import nn

    if isinstance(module, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        return "transposed_convolution"
    if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
        return "convolution"
    if isinstance(module, nn.Linear):
        return "linear"
    return "embedding" if isinstance(module, nn.Embedding) else None
