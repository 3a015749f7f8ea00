"""The torch side of ``instance_noise.py``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gan_recipe import Ramp


class InstanceNoise(nn.Module):
    # On the device, and filled rather than replaced: nothing waits for it, and a compiled call may read it.
    sd: Tensor

    def __init__(self, sd: float | Ramp) -> None:
        super().__init__()
        self._stated = sd
        first = sd.at(0) if isinstance(sd, Ramp) else sd
        # A function of the round, so it is no state that a checkpoint would hold.
        self.register_buffer("sd", torch.tensor(float(first)), persistent=False)

    def at_round(self, round: int) -> None:
        if isinstance(self._stated, Ramp):
            self.sd.fill_(self._stated.at(round))

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return input
        return torch.addcmul(input, torch.randn_like(input), self.sd.to(input.dtype))
