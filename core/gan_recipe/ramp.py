"""A weight that changes with the rounds."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from gan_recipe.interfaces import Rounds


@frozen
class Ramp:
    """From one value to another over a number of rounds; constant before and after.

    In a recipe: ``weight = { from = 0, to = 0.1, over = 2_000 }``.
    """

    #: The value until the ramp begins.
    from_: float
    #: The value once the ramp has ended.
    to: float
    #: How many rounds the change takes.
    over: Rounds
    #: The round in which the change begins.
    begin: Rounds = Rounds(0)
    #: "linear" adds the same in every round; "geometric" multiplies by the same, so both ends must be above 0.
    shape: Literal["linear", "geometric"] = "linear"

    def __attrs_post_init__(self) -> None:
        if self.over < 1:
            raise ValueError(f"'over' counts rounds and is at least 1, not {self.over}")
        if self.begin < 0:
            raise ValueError(f"'begin' is a round, at least 0, not {self.begin}")
        if self.shape == "geometric" and not (self.from_ > 0 and self.to > 0):
            raise ValueError(
                "a geometric ramp needs both ends above 0; use shape = 'linear' or start from a small number"
            )

    def at(self, round: int) -> float:
        """The value in ``round``."""
        done = min(max((round - self.begin) / self.over, 0.0), 1.0)
        if done == 1.0:
            return self.to  # the formulas below come within a rounding error of it
        if self.shape == "geometric":
            return float(self.from_ * (self.to / self.from_) ** done)
        return self.from_ + (self.to - self.from_) * done


def weight_at(weight: float | Ramp, round: int) -> float:
    return weight.at(round) if isinstance(weight, Ramp) else weight


def is_ever_nonzero(weight: float | Ramp) -> bool:
    return bool(weight.from_ or weight.to) if isinstance(weight, Ramp) else weight != 0
