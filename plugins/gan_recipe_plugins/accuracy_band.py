"""A schedule that holds the critic's accuracy in a band."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import SteeredSchedule

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class AccuracyBand(SteeredSchedule):
    """Everybody moves while the critic's accuracy is in a band; above it the critic waits, below it the others do.

    Accuracy is the share of pairs of a real and a fake sample that the critic scores in the right order: 0.5 is a
    guess, 1 is never wrong, whatever the loss and its scale. ``real`` and ``fake`` are the critic's scores, of any
    shape, which its own losses read too. The accuracy is taken at the critic's moves, before it learns from them, and
    averaged exponentially over about ``memory`` of them. Once it is above ``most`` the critic moves in every
    ``wait``-th round only, once below ``least`` the others do, until it is back in the middle of the band. Within a
    round players move in the recipe's order. The figures ``schedule/accuracy`` and ``schedule/waits`` (1 when the
    critic does, -1 when the others do) are among the run's.

    A band cannot hold what one move in ``wait`` still outruns, nor a critic that nothing teaches. Raises ValueError
    for a band that is none, and for less than 2 rounds of waiting or 1 of memory.

    Source: Berthelot et al. 2017, "BEGAN: Boundary Equilibrium Generative Adversarial Networks", section 3.3, which
    holds a ratio of losses, by a weight in place of moves.
    """

    #: The critic's player.
    critic: str = "critic"
    #: The accuracy below which the others wait.
    least: float = 0.6
    #: The accuracy above which the critic waits.
    most: float = 0.8
    #: Who waits moves in every so many rounds.
    wait: int = 16
    #: Over how many of the critic's moves its accuracy is averaged, about.
    memory: int = 8

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.least < self.most <= 1:
            raise ValueError(f"least is {self.least} and most {self.most}; give a band in 0 to 1, such as 0.6 and 0.8")
        if self.wait < 2:
            raise ValueError(f"wait is {self.wait}; who waits moves in every 2nd round at the most often")
        if self.memory < 1:
            raise ValueError(f"memory is {self.memory}; it counts moves, at least 1")

    def __call__(self, real: Tensor, fake: Tensor) -> Tensor:
        real, fake = real.flatten()[:, None], fake.flatten()[None]
        return (real > fake).float().mean() + (real == fake).float().mean() / 2

    def begin(self) -> Mapping[str, float]:
        return {"accuracy": self._middle, "waits": 0}

    def heard(self, memory: Mapping[str, float], figure: float) -> Mapping[str, float]:
        accuracy = memory["accuracy"] + (figure - memory["accuracy"]) / self.memory
        waits = memory["waits"]
        if not self.least <= accuracy <= self.most:
            waits = 1 if accuracy > self.most else -1
        elif waits * (accuracy - self._middle) <= 0:
            waits = 0
        return {"accuracy": accuracy, "waits": waits}

    def moves_after(self, memory: Mapping[str, float], round: int, players: Sequence[str]) -> Sequence[str]:
        if memory["waits"] == 0 or round % self.wait == 0:
            return players
        critic_waits = memory["waits"] > 0
        return [name for name in players if (name == self.critic) != critic_waits]

    def names(self) -> Iterable[str]:
        return (self.critic,)

    @property
    def _middle(self) -> float:
        return (self.least + self.most) / 2
