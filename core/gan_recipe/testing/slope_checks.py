"""What a critic's networks promise to penalties on its slope: gradients of gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from gan_recipe.testing.examples import built, each, floating, inputs, leaves
from gan_recipe.testing.trial import Failure, Trial

# So small that hardly ever a rectifier changes sides between the two points.
_STEP = 1e-7


def double_backward(trial: Trial) -> None:
    """A gradient penalty can be differentiated by the weights, and the result agrees with finite differences (float64).

    R1, R2 and WGAN-GP differentiate the squared slope of the critic by its weights.
    """
    with torch.random.fork_rng(devices=[]):
        _check_penalty(trial)


def _check_penalty(trial: Trial) -> None:
    module = built(trial).double()
    given = [each(value, lambda x: x.double() if x.is_floating_point() else x) for value in inputs(trial)]
    samples = [tensor.requires_grad_() for tensor in floating(given)]
    parameters: list[Tensor] = [parameter for parameter in module.parameters() if parameter.requires_grad]
    if not samples or not _differentiable(module(*given)):
        return  # what takes labels alone, or has no gradient to its input, has no slope

    def penalty() -> Tensor:
        torch.manual_seed(0)  # noise that the network adds is the same each time
        score = torch.stack([tensor.square().sum() for tensor in leaves(module(*given))]).sum()
        slopes = torch.autograd.grad(score, samples, create_graph=True, allow_unused=True)
        return torch.stack([slope.square().sum() for slope in slopes if slope is not None]).sum()

    moved = parameters or samples
    try:
        gradients = torch.autograd.grad(penalty(), moved, allow_unused=True)
    except RuntimeError as error:
        raise Failure(
            f"the slope cannot be differentiated: {str(error).splitlines()[0]}",
            "a network that R1, R2 and WGAN-GP can penalise",
            "compose it of operations that torch differentiates twice; give an autograd.Function of your own a "
            "differentiable backward",
        ) from error
    directions = [torch.randn_like(tensor) for tensor in moved]
    pairs = zip(gradients, directions, strict=True)
    found = float(sum((g * d).sum() for g, d in pairs if g is not None))
    values = []
    for sign in (1.0, -2.0):
        with torch.no_grad():
            for tensor, direction in zip(moved, directions, strict=True):
                tensor.add_(direction, alpha=sign * _STEP)
        values.append(float(penalty().detach()))
    expected = (values[0] - values[1]) / (2 * _STEP)
    if not abs(found - expected) <= 1e-2 * abs(expected) + 1e-4 * (1 + abs(values[0])):
        raise Failure(
            f"the penalty's derivative is {found:.6g}",
            f"{expected:.6g}, by finite differences",
            "see which operation has a wrong second derivative: torch.autograd.gradgradcheck tells it apart",
        )


def _differentiable(output: object) -> bool:
    return any(tensor.requires_grad for tensor in leaves(output))
