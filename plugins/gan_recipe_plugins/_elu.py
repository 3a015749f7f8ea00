"""An ELU that is fast on CPUs too."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import elu


class ELU(nn.Module):
    """``torch.nn.ELU`` with alpha 1. In float32 on a CPU torch's own takes the time of a convolution, for the sake of
    its expm1; ``max(x, exp(min(x, 0)) - 1)`` is the same function, since exp(x) - 1 >= x, to 1e-7."""

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type == "cpu" and x.dtype == torch.float32:
            y: Tensor = _ELU.apply(x)
            return y
        return elu(x)


class _ELU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = x.clamp(max=0).exp_().sub_(1)
        torch.maximum(x, y, out=y)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        # Torch's own, read from the result; it differentiates once more, as gradient penalties need.
        result: Tensor = torch.ops.aten.elu_backward(gradient, 1.0, 1.0, 1.0, True, y)
        return result
