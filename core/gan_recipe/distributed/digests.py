"""Digests of the weights, by which processes find out that they no longer hold one run."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gan_recipe.distributed.processes import Processes, told_once
from gan_recipe.errors import RunError


class Digests:
    """Taken of all networks now and then, and compared some rounds later, when reading them waits for nothing."""

    def __init__(self, processes: Processes, networks: Mapping[str, nn.Module]) -> None:
        self._processes, self._networks = processes, networks
        self._taken: deque[tuple[int, Tensor]] = deque()

    def take(self, round: int) -> None:
        """Take a digest of every network, before ``round``."""
        own = torch.stack([_digest(network) for network in self._networks.values()])
        # The largest and, with the sign changed, the smallest over processes: they are equal or nobody is.
        self._taken.append((round, self._processes.most(torch.cat([own, -own]), "a digest of the weights")))

    def compare(self, round: int | None = None) -> None:
        """Read those taken before ``round``, or all. Raises RunError when the processes do not hold one run."""
        while self._taken and (round is None or self._taken[0][0] < round):
            at, both = self._taken.popleft()
            largest, smallest = both.tolist()[: len(both) // 2], both.tolist()[len(both) // 2 :]
            apart = [name for name, high, low in zip(self._networks, largest, smallest, strict=True) if high != -low]
            if apart:
                error = RunError(
                    f"the processes no longer hold the same weights: {', '.join(apart)} differ before round {at:,}. "
                    "Either a component keeps a state of its own samples (gan_recipe.whole_batch gives it "
                    "those of all; or train by one process), or a machine computes something else than the others. The "
                    "checkpoints before it are kept"
                )
                raise told_once(self._processes, error)


def _digest(network: nn.Module) -> Tensor:
    """A number that changes with almost any bit of the network's tensors: the sum of them, read as integers."""
    integers = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
    tensors = [t.detach() for t in (*network.parameters(), *network.buffers())]
    sums = [t.view(integers[t.element_size()]).sum(dtype=torch.int64) for t in tensors if t.numel()]
    return torch.stack(sums).sum() if sums else torch.zeros((), dtype=torch.int64)
