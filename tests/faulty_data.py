"""Data and a metric that break one promise of the conformance kit where they are told to."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping
from typing import Any

from attrs import frozen

from gan_recipe import Data, Field, Metric

_count = itertools.count()


@frozen
class SoundData(Data):
    """Vectors of noise with labels, which are a function of (seed, position)."""

    fault: str = ""
    #: How many training has.
    samples: int = 10

    def fields(self) -> Mapping[str, Field]:
        label = Field((), "float32" if self.fault == "classes" else "int64", 3)
        return {"vector": Field((3 if self.fault == "wide" else 2,)), "label": label}

    def more(self) -> Mapping[str, int | float | str]:
        proposed: dict[str, dict[str, int | float | str]] = {
            "": {"samples": 20},
            "no setting": {"sample": 20},
            "no type": {"samples": "all"},
            "no more": {"samples": 10},
            "other fields": {"samples": 20, "fault": "wide"},
        }
        return proposed.get(self.fault, {}) if self.samples < 20 else {}

    def open(self, *, held_out: bool = False) -> Any:
        return _Stream(self.fault, held_out, self.samples)


class _Stream:
    def __init__(self, fault: str, held_out: bool, samples: int) -> None:
        self.fault, self.held_out, self.samples, self.asked = fault, held_out, samples, 0
        part = 0 if fault == "one fingerprint" else int(held_out)
        moment = next(_count) if fault == "fleeting" else 0
        self.fingerprint = f"{part}{moment % 10}" * 32

    def __len__(self) -> int:
        return 0 if self.fault == "empty" else 10 if self.held_out else self.samples

    def batch(self, seed: int, position: int, size: int, fields: Collection[str] | None = None) -> dict[str, Any]:
        import numpy as np

        self.asked += 1
        key = [seed, position, int(self.held_out)]
        if self.fault == "iterates":
            key.append(self.asked)
        if self.fault == "seedless":
            key[0] = 0
        if self.fault == "overlaps":
            key[2] = 0
        random = np.random.default_rng(key)
        label = random.integers(3, size=size) + (7 if self.fault == "labels" else 0)
        if self.fault == "fields" and fields is not None and "label" not in fields:
            random = np.random.default_rng(key)
        vector = random.standard_normal((size, 2), np.float64 if self.fault == "dtype" else np.float32)
        made = {"vector": vector, "label": label}
        return made | {"more": label} if self.fault == "more" else made


@frozen
class SoundMetric(Metric):
    """The share of scores above 0."""

    fault: str = ""

    def __call__(self, output: Any) -> Any:
        import torch

        share = float((output > 0).float().mean())
        if self.fault == "nan":
            return share / float(output.abs().sum()) if output.any() else float("nan")
        if self.fault == "random":
            return float(torch.rand(()))
        if self.fault == "bounds":
            return 2 * share
        if self.fault == "tensor":
            return torch.tensor(share)
        return share
