"""Batch norm whose batch is that of all processes. torch's own refuses the CPU, and cannot be differentiated twice."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_recipe.distributed.processes import Processes

_KNOWN = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def share_batch_norms(networks: Mapping[str, nn.Module], processes: Processes) -> None:
    """Let every batch norm see the batch of all processes."""
    for network in networks.values():
        for module in network.modules():
            if isinstance(module, _KNOWN):
                module.forward = partial(_forward, module, processes)  # type: ignore[method-assign]


def strange_batch_norms(networks: Mapping[str, nn.Module]) -> dict[str, str]:
    """By network, the class of a batch norm that computes in a way of its own, and cannot be given the whole batch."""
    return {
        name: type(module).__name__
        for name, network in networks.items()
        for module in network.modules()
        if isinstance(module, _BatchNorm) and type(module) not in _KNOWN
    }


def _forward(module: _BatchNorm, processes: Processes, input: Tensor) -> Tensor:
    if not module.training:
        return type(module).forward(module, input)
    module._check_input_dim(input)  # type: ignore[no-untyped-call]
    values = input.float() if input.dtype in (torch.bfloat16, torch.float16) else input
    dims = [dim for dim in range(values.dim()) if dim != 1]
    count = values.numel() // values.shape[1] * processes.count
    shape = [1, -1, *[1] * (values.dim() - 2)]
    mean = _Sum.apply(values.sum(dims), processes) / count
    centred = values - mean.view(shape)
    # Twice over the values, not once with the mean of squares: the difference of two large numbers is no variance.
    variance = _Sum.apply(centred.square().sum(dims), processes) / count
    _remember(module, mean.detach(), variance.detach() * (count / max(count - 1, 1)))
    scale = torch.rsqrt(variance + module.eps)
    if module.affine:
        scale = scale * module.weight
    output = centred * scale.view(shape)
    if module.affine:
        output = output + module.bias.view(shape)
    shared: Tensor = output.to(input.dtype)
    return shared


def _remember(module: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """The running statistics, as torch keeps them: of the unbiased variance."""
    if not module.track_running_stats or module.running_mean is None or module.running_var is None:
        return
    with torch.no_grad():
        assert module.num_batches_tracked is not None
        module.num_batches_tracked.add_(1)
        share = module.momentum if module.momentum is not None else 1.0 / float(module.num_batches_tracked)
        module.running_mean.lerp_(mean.to(module.running_mean.dtype), share)
        module.running_var.lerp_(variance.to(module.running_var.dtype), share)


class _Sum(torch.autograd.Function):
    """The sum over processes, whose gradient is the sum of gradients: the same function, as often as one likes."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, processes: Processes) -> Tensor:
        ctx.processes = processes
        return processes.sum(tensor.detach().clone(), "the statistics of a batch norm")

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return _Sum.apply(gradients[0].contiguous(), ctx.processes), None
