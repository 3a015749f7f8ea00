"""A player's weights, their gradients and steps, and the largest singular values of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Moment

_ITERATIONS = 4


@frozen
class Weights(Signal):
    """The sizes of a player's weights and of what moves them.

    - ``weights``: the Euclidean norm of all of them;
    - ``gradient``: that of the gradient;
    - ``rate``: the learning rate with which the player has just moved, its schedule included;
    - ``step``: optimisers of Adam's kind only, the root mean square of the step over the rate, but for the correction
      of its first moves (about 0.1 to 1; above that the gradient changed faster than its averages could follow);
    - ``average``: the distance of the averaged weights from the live ones, over the norm of these.
    """

    def at_step(self, moment: Moment) -> Mapping[str, Tensor | float]:
        import torch

        weights = [weight.detach() for network in moment.networks.values() for weight in network.parameters()]
        found: dict[str, Tensor | float] = {"weights": _norm(weights)}
        found["rate"] = float(moment.optimizer.param_groups[0]["lr"])
        gradients = [w.grad for network in moment.networks.values() for w in network.parameters() if w.grad is not None]
        if gradients:
            found["gradient"] = _norm(gradients)
        states = [state for state in moment.optimizer.state.values() if {"exp_avg", "exp_avg_sq"} <= state.keys()]
        if states:
            roots = torch._foreach_sqrt([state["exp_avg_sq"] for state in states])
            torch._foreach_add_(roots, 1e-8)
            steps = torch._foreach_div([state["exp_avg"] for state in states], roots)
            found["step"] = _norm(list(steps)) / sum(step.numel() for step in steps) ** 0.5
        if moment.averages:
            live = [moment.networks[network].get_parameter(key).detach() for network, key in moment.averages]
            apart = torch._foreach_sub(live, list(moment.averages.values()))
            found["average"] = _norm(list(apart)) / _norm(live).clamp(min=1e-12)
        return found


@frozen
class Spectra(Signal):
    """The largest singular value of any weight in each of the player's networks: ``spectrum/NETWORK``.

    A kernel is taken as the matrix (outputs, inputs x height x width). A few steps of the power method from a fixed
    start come within some percent of the value, from below; enough to see it double.

    Source: Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image Synthesis", section 4.1, where
    these values foretell a collapse.
    """

    sparse = 4

    def at_move(self, moment: Moment) -> Mapping[str, Tensor | float]:
        import torch

        found: dict[str, Tensor | float] = {}
        for name, network in moment.networks.items():
            matrices = [weight.detach().flatten(1).float() for weight in network.parameters() if weight.dim() > 1]
            if matrices:
                found[f"spectrum/{name}"] = torch.stack([_largest(matrix) for matrix in matrices]).amax()
        return found


def _norm(tensors: list[Tensor]) -> Tensor:
    import torch

    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(tensors)))
    return norm


def _largest(matrix: Tensor) -> Tensor:
    import torch

    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    # The rows' sum is seldom at right angles to the leading direction; its own rows are never all.
    direction = matrix.sum(dim=0) + matrix[0]
    for _ in range(_ITERATIONS):
        direction = matrix.T @ (matrix @ direction)
        direction = direction / torch.linalg.vector_norm(direction).clamp(min=1e-30)
    value: Tensor = torch.linalg.vector_norm(matrix @ direction)
    return value
