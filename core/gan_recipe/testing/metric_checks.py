"""What metrics promise: a finite figure within its bounds, the same for the same samples."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import torch
from torch import Tensor

from gan_recipe.interfaces import Field
from gan_recipe.testing.examples import kind_of, read_fields, reads, tensors
from gan_recipe.testing.trial import Failure, Trial, Value

_SAMPLES = 12


def returns_a_finite_number(trial: Trial) -> None:
    """A float that is finite, for random images as for constant ones, which may also be refused with a ValueError."""
    given = reads(trial, _SAMPLES)
    grey = {name: torch.zeros_like(t) if t.is_floating_point() else t for name, t in given.items()}
    for what, each in (("random", given), ("constant", grey)):
        try:
            figure = _figure(trial, each)
        except ValueError:
            if each is given:
                raise
            continue
        if not math.isfinite(figure):
            raise Failure(f"{figure} for {what} values", "a finite number", "guard the division or the logarithm")


def stays_within_its_bounds(trial: Trial) -> None:
    """Whatever is read, the figure lies between the bounds that are declared for it."""
    least, greatest = trial.bounds or (-math.inf, math.inf)
    for seed in range(1, 6):
        figure = _figure(trial, reads(trial, _SAMPLES, 10 * seed))
        if not least <= figure <= greatest:
            raise Failure(f"{figure:g}", f"a figure from {least:g} to {greatest:g}", "correct the metric or its bounds")


def the_same_for_the_same_samples(trial: Trial) -> None:
    """Measured twice, whatever torch's generator says, the figure is the same; and what is read is left as it was."""
    given = reads(trial, _SAMPLES)
    before = {name: tensor.clone() for name, tensor in given.items()}
    torch.manual_seed(1)
    first = _figure(trial, given)
    torch.manual_seed(2)
    second = _figure(trial, given)
    if first != second:
        raise Failure(f"{first} and then {second}", "the same figure", "draw from a generator of your own, seeded")
    if changed := [name for name in given if not torch.equal(given[name], before[name])]:
        raise Failure(f"{', '.join(changed)} changed in place", "reads as they were", "use no in-place operation")


def leaves_the_runs_random_numbers_alone(trial: Trial) -> None:
    """Measuring in the middle of a run does not change what is trained after it."""
    torch.manual_seed(3)
    before = torch.get_rng_state()
    _figure(trial, reads(trial, _SAMPLES))
    if not torch.equal(before, torch.get_rng_state()):
        raise Failure(
            "torch's generator has moved on",
            "its state as it was",
            "draw within torch.random.fork_rng(), or from a torch.Generator of your own",
        )


class _Examples:
    """A value over a training stream."""

    def __init__(self, value: Value, seed: int) -> None:
        self._value, self._seed = value, seed
        self.fingerprint = hashlib.sha256(f"{value} {seed}".encode()).hexdigest()

    def batch(self, position: int) -> Tensor:
        found: Tensor = tensors(self._value, 8, self._seed + 1_000 * position)
        return found


def _figure(trial: Trial, given: dict[str, Tensor]) -> float:
    fields = read_fields(trial)
    examples: dict[str, Any] = {
        name: _Examples(field if field != Field((1,)) else Field((3, 8, 8)), 1)
        for name, field in fields.items()
        if kind_of(trial, name) == "Examples"
    }
    with torch.no_grad():
        figure = trial.made()(**given, **examples)
    if not isinstance(figure, (float, int)) or isinstance(figure, bool):
        raise Failure(f"a {type(figure).__name__}", "a float", "return float(...)")
    return float(figure)
