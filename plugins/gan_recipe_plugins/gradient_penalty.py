"""Penalties on the slope of the critic: R1 at real samples, R2 at fake ones, WGAN-GP between them.

All three take the critic as a function, differentiate the sum of all its outputs by its input, and keep the graph, so
that the critic's weights learn from the slope. Summing over samples is right as long as a sample's outputs depend on
that sample alone: batch norm in the critic breaks this (and was left out by the authors for this reason).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from gan_recipe import Loss, Role
from gan_recipe_plugins._elementwise import equal_shapes, precise

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Function


@frozen
class R1(Loss):
    """The squared slope of the critic at real samples: ``mean over samples of |d critic(real) / d real|^2 / 2``.

    ``critic`` is a function from samples to outputs of any shape (several outputs a sample are summed), ``real`` a
    batch of samples. The square is summed over all elements of a sample. The half is inside, so the recipe's
    ``weight`` is the paper's gamma; papers that leave the half out call the same strength gamma / 2.

    Raises ValueError when the critic's output does not depend on its input.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 9; to be computed
    every 16th round only ("lazy"), Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN",
    appendix B: write ``every = 16`` beside the weight.
    """

    roles: ClassVar[Mapping[str, Role]] = {"critic": "critic"}
    bounds_slope = True

    def __call__(self, critic: Function, real: Tensor) -> Tensor:
        return _half_squared_slope(critic, real)


@frozen
class R2(Loss):
    """The squared slope of the critic at fake samples: ``mean over samples of |d critic(fake) / d fake|^2 / 2``.

    As ``r1`` in everything, for the generator's samples. The samples are cut off from the generator: the penalty is the
    critic's alone.

    Raises ValueError when the critic's output does not depend on its input.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", equation 10.
    """

    roles: ClassVar[Mapping[str, Role]] = {"critic": "critic"}
    bounds_slope = True

    def __call__(self, critic: Function, fake: Tensor) -> Tensor:
        return _half_squared_slope(critic, fake)


@frozen
class WGANGP(Loss):
    """The critic's slope on the way from real to fake, held at 1: ``mean((|d critic(x) / d x| - target)^2)``.

    ``x = real + u (fake - real)`` with one uniform number ``u`` a sample from torch's global generator; ``real`` and
    ``fake`` are batches of one shape, sample i paired with sample i; the norm is Euclidean over all elements of a
    sample. The paper's weight is 10, and it wants a critic without batch norm.

    Raises ValueError with both shapes when they differ, and when the critic's output does not depend on its input.

    Source: Gulrajani et al. 2017, "Improved Training of Wasserstein GANs", equation 3; the one-sided form is discussed
    in its section 4 and preferred by Petzka et al. 2018, "On the regularization of Wasserstein GANs".
    """

    roles: ClassVar[Mapping[str, Role]] = {"critic": "critic"}
    bounds_slope = True

    #: The slope that the critic is held to, above 0 (or 0, which makes it a penalty on any slope).
    target: float = 1.0
    #: Punish only slopes above the target.
    one_sided: bool = False

    def __attrs_post_init__(self) -> None:
        if not self.target >= 0:
            raise ValueError(f"target is {self.target}; the slope is a length: give a number of at least 0, usually 1")

    def __call__(self, critic: Function, real: Tensor, fake: Tensor) -> Tensor:
        import torch

        equal_shapes("real", real, "fake", fake)
        shares = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device).to(real.dtype)
        slope = _slope(critic, torch.lerp(real.detach(), fake.detach(), shares))
        # The norm's gradient is 0 where the slope is 0; the square root's would be infinite.
        excess: Tensor = torch.linalg.vector_norm(slope, dim=1) - self.target
        return (excess.relu() if self.one_sided else excess).square().mean()


def _half_squared_slope(critic: Function, samples: Tensor) -> Tensor:
    return _slope(critic, samples).square().sum(dim=1).mean() / 2


def _slope(critic: Function, samples: Tensor) -> Tensor:
    """The gradient of the critic's summed outputs by each sample, (B, elements), with the graph to the weights."""
    import torch

    with torch.enable_grad():
        samples = samples.detach().requires_grad_(True)
        outputs = precise(critic(samples)).sum()
        slope = None
        if outputs.requires_grad:
            (slope,) = torch.autograd.grad(outputs, samples, create_graph=True, allow_unused=True)
    if slope is None:
        raise ValueError("the critic's output does not depend on its input, so it has no slope to penalise")
    return precise(slope).flatten(1)
