"""Random numbers for a share of a batch: the rows that one process would have drawn for the same samples.

Every process seeds torch's generators alike and draws for the whole batch; it keeps the rows that are its own. So
dropout masks, noise layers and the points of a gradient penalty do not depend on the number of processes, and no two
samples share theirs. It costs drawing ``count`` times as many numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

_aten = torch.ops.aten
# Draw into a tensor, or for one of its shape.
_FILL = {
    _aten.bernoulli_.float, _aten.uniform_.default, _aten.normal_.default, _aten.exponential_.default,
    _aten.log_normal_.default, _aten.cauchy_.default, _aten.geometric_.default, _aten.random_.default,
    _aten.random_.to, getattr(_aten.random_, "from"),
}  # fmt: skip
_LIKE = {
    _aten.rand_like.default, _aten.randn_like.default, _aten.randint_like.default, _aten.randint_like.low_dtype,
    _aten.bernoulli.default, _aten.bernoulli.p, _aten.native_dropout.default, _aten.normal.Tensor_float,
    _aten.poisson.default,
}  # fmt: skip
_SIZED = {_aten.rand.default, _aten.randn.default, _aten.randint.default, _aten.randint.low}


class RowDraws(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Within the context, draws whose first dimension counts samples are those of share ``rank`` of ``count``."""

    def __init__(self, rank: int, count: int, rows: int) -> None:
        """``rows`` is how many samples the share has. A first dimension that is no multiple of it counts no samples."""
        super().__init__()  # type: ignore[no-untyped-call]
        self._rank, self._count, self._rows = rank, count, rows

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        if func in _SIZED:
            at = 1 if func is _aten.randint.default else 2 if func is _aten.randint.low else 0
            size = list(args[at])
            if self._counts_samples(size):
                whole = [*args[:at], [size[0] * self._count, *size[1:]], *args[at + 1 :]]
                return self._own(func(*whole, **options))
        elif func in _FILL and self._counts_samples(args[0].shape):
            args[0].copy_(self._own(func(self._whole(args[0]), *args[1:], **options)))
            return args[0]
        elif func in _LIKE and self._counts_samples(args[0].shape):
            found = func(self._whole(args[0], repeated=True), *args[1:], **options)
            if isinstance(found, tuple):  # dropout's output and mask
                mask = self._own(found[1])
                scale = 1.0 / (1.0 - args[1]) if args[1] < 1 else 0.0
                return args[0] * mask * scale, mask
            return self._own(found)
        return func(*args, **options)

    def _counts_samples(self, size: Sequence[int]) -> bool:
        return len(size) > 0 and size[0] > 0 and size[0] % self._rows == 0

    def _whole(self, share: Tensor, *, repeated: bool = False) -> Tensor:
        """A tensor for the whole batch that lies in memory as the share does: draws follow memory."""
        size = (share.shape[0] * self._count, *share.shape[1:])
        inner = share.numel() // share.shape[0]
        outermost = share.stride(0) == inner
        whole = share.new_empty(0).new_empty_strided(size, share.stride()) if outermost else share.new_empty(size)
        if repeated:
            for rank in range(self._count):
                whole[rank * share.shape[0] : (rank + 1) * share.shape[0]] = share
        return whole

    def _own(self, whole: Tensor) -> Tensor:
        size = whole.shape[0] // self._count
        return whole[self._rank * size : (self._rank + 1) * size].clone(memory_format=torch.preserve_format)
