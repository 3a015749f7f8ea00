"""What the rehearsal sees of a recipe that no text tells: norms in built modules, last layers, silent broadcasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

_NORMS: tuple[tuple[str, tuple[type[nn.Module], ...]], ...] = (
    ("instance", (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)),
    ("batch", (nn.modules.batchnorm._BatchNorm,)),
    ("group", (nn.GroupNorm,)),
    ("layer", (nn.LayerNorm, nn.RMSNorm)),
)
# What autograd calls the steps that matter here.
# These have learnt weights, or several inputs: what comes before them is no longer last.
_MIXING = ("Addmm", "Mm", "Bmm", "Baddbmm", "Convolution", "Linear", "Embedding", "AccumulateGrad")
_LAST = (("Norm", "norm"), ("Sigmoid", "sigmoid"), ("Softmax", "softmax"), ("Tanh", "tanh"))


def norms_of(module: nn.Module) -> frozenset[str]:
    """The kinds of normalisation in the module."""
    return frozenset(
        kind
        for each in module.modules()
        for kind, classes in _NORMS
        if isinstance(each, classes) or (kind == "layer" and hasattr(each, "normalized_shape"))
    )


def last_step(value: Any) -> str | None:
    """What ``value`` went through since the last operation on several tensors: a norm, a sigmoid, a softmax, a tanh.

    Read from autograd's graph, backwards through everything that has one input: reshapes, activations, means.
    """
    step = value.grad_fn if isinstance(value, Tensor) else None
    while step is not None:
        name = step.name()
        if any(part in name for part in _MIXING):
            return None
        for part, kind in _LAST:
            if part in name and "LinalgVectorNorm" not in name:
                return kind
        before = [each for each, _ in step.next_functions if each is not None]
        step = before[0] if len(before) == 1 else None
    return None


class Broadcasts(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the first operation of a loss on tensors of different shapes that nobody asked for.

    That is one directly on two of the values that the loss reads, or one whose operands have different numbers of
    dimensions and whose result is larger than both: (B, 1) and (B,) give (B, B). Networks that the loss calls are
    their own business; ``paused`` says when one is running.
    """

    def __init__(self, read: Mapping[str, Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._names = {id(value): name for name, value in read.items()}
        # What is an input in all but name: a cast or detached one, or one expanded for the purpose, at its own shape.
        self._same: dict[int, tuple[Tensor, str, torch.Size]] = {}
        self.paused = 0
        self.found: str | None = None

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if self.paused or self.found:
            return result
        packet = func._overloadpacket.__name__
        if packet in ("_to_copy", "detach", "expand", "alias") and isinstance(args[0], Tensor):
            if told := self._named(args[0]):
                name, shape = told
                self._same[id(result)] = (result, name, shape)  # held, so that the id stays its own
        elif torch.Tag.pointwise in func.tags or packet.endswith("_loss"):
            self._look(packet, [each for each in args if isinstance(each, Tensor)], result)
        return result

    def _named(self, tensor: Tensor) -> tuple[str, torch.Size] | None:
        if id(tensor) in self._names:
            return self._names[id(tensor)], tensor.shape
        same = self._same.get(id(tensor))
        return (same[1], same[2]) if same else None

    def _look(self, operation: str, operands: list[Tensor], result: Any) -> None:
        if len(operands) < 2 or not isinstance(result, Tensor):
            return
        (first, second), told = operands[:2], [self._named(each) for each in operands[:2]]
        shapes = [known[1] if known else each.shape for known, each in zip(told, (first, second), strict=True)]
        if shapes[0] == shapes[1] or 1 in (shapes[0].numel(), shapes[1].numel()):
            return
        both_read = all(told)
        larger = result.numel() > max(shapes[0].numel(), shapes[1].numel())
        if both_read or (larger and len(shapes[0]) != len(shapes[1])):
            names = [known[0] if known else "a value" for known in told]
            made = tuple(result.shape)
            self.found = (
                f"it takes {names[0]} {tuple(shapes[0])} and {names[1]} {tuple(shapes[1])} into {operation!r}, which "
                f"torch spreads to {made} without a word: a plausible number that teaches something else. Give both "
                "one shape"
            )


@contextmanager
def outside(broadcasts: Broadcasts, networks: Mapping[str, nn.Module]) -> Iterator[None]:
    """Within the block, what happens inside ``networks`` is not looked at."""

    def enter(*_: Any) -> None:
        broadcasts.paused += 1

    def leave(*_: Any) -> None:
        broadcasts.paused -= 1

    handles = [network.register_forward_pre_hook(enter) for network in networks.values()]
    handles += [network.register_forward_hook(leave) for network in networks.values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
