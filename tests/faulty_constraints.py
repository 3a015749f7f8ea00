"""Constraints each of which breaks one promise of the conformance kit."""

from __future__ import annotations

import itertools
from typing import Any

from attrs import frozen

from gan_recipe import Constraint

_count = itertools.count()


@frozen
class Shrinking(Constraint):
    """Halves every weight after each step, again and again."""

    def enforce(self, network: Any) -> None:
        import torch

        with torch.no_grad():
            for weight in network.parameters():
                weight.mul_(0.5)


@frozen
class Stacking(Constraint):
    """Adds a buffer each time that it is attached."""

    def attach(self, network: Any) -> None:
        import torch

        network.register_buffer(f"seen_{next(_count)}", torch.zeros(()))


@frozen
class Freezing(Constraint):
    """Takes the weights out of training for good."""

    def attach(self, network: Any) -> None:
        network[0].weight.requires_grad_(False)


@frozen
class Looking(Constraint):
    """Clips the weights if one is too large, which it looks at."""

    def enforce(self, network: Any) -> None:
        for weight in network.parameters():
            if float(weight.detach().abs().max()) > 1:
                weight.data.clamp_(-1, 1)


@frozen
class Drawing(Constraint):
    """Sets the first bias to a number of its own."""

    def attach(self, network: Any) -> None:
        network[0].bias.data.fill_(next(_count))
