"""Which images go with an image: its ground truths, its neighbours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

Indices = NDArray[np.int64]
# Bounds the memory of one comparison of images with candidates.
_COMPARED = 1 << 22


@frozen
class Choices:
    """For every image its candidates: ``candidates[start[image] : start[image] + count[image]]``."""

    start: Indices
    count: Indices
    candidates: Indices

    def draw(self, images: Indices, uniform: NDArray[np.float64]) -> Indices:
        """One candidate for each of ``images``, all of which must have some, by numbers in [0, 1)."""
        return self.candidates[self.start[images] + (uniform * self.count[images]).astype(np.int64)]


def target_choices(labels: Mapping[str, Indices], identity: str, target: Mapping[str, int | None]) -> Choices:
    """For every image those of its identity that have the values of ``target`` (None: any value will do).

    Of these, those that agree with the image in as many other groups as possible are the candidates.
    """
    wanted = np.ones(len(labels[identity]), bool)
    for group, value in target.items():
        if value is not None:
            wanted &= labels[group] == value
    alike = [labels[group] for group in labels if group != identity and group not in target]
    askers = _gathered(labels[identity])
    pools = _gathered(np.where(wanted, labels[identity], -1))
    return _best(len(wanted), [(who, pools.get(person, _NOBODY)) for person, who in askers.items()], alike)


def near_choices(labels: Mapping[str, Indices], identity: str, near: str) -> Choices:
    """For every image those of its identity whose class of ``near`` is the next or the previous one.

    Of these, those that agree with the image in as many other groups as possible are the candidates.
    """
    alike = [labels[group] for group in labels if group not in (identity, near)]
    span = int(labels[near].max(initial=0)) + 3  # one spare class on each side, which nobody has
    cells = _gathered(labels[identity] * span + labels[near] + 1)
    questions = []
    for cell, who in cells.items():
        beside = [cells.get(cell - 1, _NOBODY), cells.get(cell + 1, _NOBODY)]
        questions.append((who, np.concatenate(beside)))
    return _best(len(labels[near]), questions, alike)


_NOBODY: Indices = np.empty(0, np.int64)


def _gathered(keys: Indices) -> dict[int, Indices]:
    """The places of every key, ascending."""
    if not len(keys):
        return {}
    order = np.argsort(keys, kind="stable")
    found, first = np.unique(keys[order], return_index=True)
    return dict(zip(found.tolist(), np.split(order, first[1:]), strict=True))


def _best(images: int, questions: Sequence[tuple[Indices, Indices]], alike: Sequence[Indices]) -> Choices:
    """For each question (images, their pool) and each image the pool's members that agree in most columns."""
    start, count = np.zeros(images, np.int64), np.zeros(images, np.int64)
    lists: list[Indices] = []
    length = 0
    for who, pool in questions:
        if not len(pool):
            continue
        known: dict[bytes, int] = {}  # equal candidates are listed once, which keeps the list short
        stride = max(1, _COMPARED // len(pool))
        for first in range(0, len(who), stride):
            some = who[first : first + stride]
            agreement = np.zeros((len(some), len(pool)), np.int16)
            for column in alike:
                agreement += column[some][:, None] == column[pool]
            best = agreement == agreement.max(1, keepdims=True)
            count[some] = best.sum(1)
            for image, chosen in zip(some.tolist(), best, strict=True):
                key = np.packbits(chosen).tobytes()
                if key not in known:
                    known[key] = length
                    lists.append(pool[chosen])
                    length += len(lists[-1])
                start[image] = known[key]
    return Choices(start, count, np.concatenate(lists) if lists else _NOBODY)
