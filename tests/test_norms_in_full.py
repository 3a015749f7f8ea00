"""Group norms of a run in bf16 on a CPU."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.functional import group_norm

from gan_recipe.engine.graph import Graph


def _network() -> nn.GroupNorm:
    norm = nn.GroupNorm(4, 16)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    return norm


def test_a_group_norm_computes_in_float32_and_hands_on_bf16() -> None:
    """Within autocast its result is the rounded one of a float32 norm, and so are its gradients."""
    norm = _network()
    plain = copy.deepcopy(norm)
    Graph({"net": norm}, bf16=True)
    x = torch.randn(4, 16, 8, 8, dtype=torch.bfloat16).to(memory_format=torch.channels_last)
    upstream = torch.randn(4, 16, 8, 8, dtype=torch.bfloat16)
    mine, whole = x.clone().requires_grad_(), x.clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        made = norm(mine)
    expected = group_norm(whole.float(), 4, plain.weight, plain.bias).bfloat16()
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, expected)
    made.backward(upstream)
    expected.backward(upstream)
    assert mine.grad is not None and whole.grad is not None
    assert torch.equal(mine.grad, whole.grad)


def test_a_penalty_s_group_norm_stays_in_float32() -> None:
    """Outside autocast, where penalties are taken, nothing is rounded."""
    norm = _network()
    plain = copy.deepcopy(norm)
    Graph({"net": norm}, bf16=True)
    x = torch.randn(4, 16, 8, 8)
    assert torch.equal(norm(x), plain(x))


def test_a_float32_run_leaves_its_norms_alone() -> None:
    """There are no hooks without bf16."""
    norm = _network()
    Graph({"net": norm})
    assert not norm._forward_hooks and not norm._forward_pre_hooks
