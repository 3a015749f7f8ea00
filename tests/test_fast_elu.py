"""The networks' own ELU is torch's."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def test_fast_elu_is_torchs() -> None:
    """The networks' own ELU equals torch's in value, first and second derivative, also far from and at zero."""
    from gan_recipe_plugins._elu import ELU

    x = torch.tensor([-200.0, -20.0, -1.0, -1e-3, -1e-7, -0.0, 0.0, 1e-7, 1e-3, 1.0, 20.0, 200.0]).requires_grad_()

    def derivatives(module: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        y: Tensor = module(x)
        (first,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(first.square().sum(), x)
        return y, first, second

    for mine, torchs in zip(derivatives(ELU()), derivatives(nn.ELU()), strict=True):
        torch.testing.assert_close(mine, torchs, rtol=1e-6, atol=2e-7)


def test_fast_elu_in_bf16_is_the_true_one_rounded() -> None:
    """In bfloat16 the ELU of every number is the one of float64 but for the last digit, and close to zero as well."""
    from gan_recipe_plugins._elu import ELU

    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    x = every[every.isfinite()].requires_grad_()
    y = ELU()(x)
    true = nn.functional.elu(x.detach().double())
    torch.testing.assert_close(y.detach().double(), true, rtol=2**-8, atol=1e-7)
    (slope,) = torch.autograd.grad(y.sum(), x)
    true_slope = torch.where(x.detach() > 0, 1.0, x.detach().double().exp())
    torch.testing.assert_close(slope.double(), true_slope, rtol=2**-7, atol=2**-8)
