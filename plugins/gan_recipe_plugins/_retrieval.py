"""Finding a person among all persons."""

from __future__ import annotations

import torch
from torch import Tensor

_AT_ONCE = 256


def rank_1_share(queries: Tensor, gallery: Tensor, identity: Tensor) -> float:
    """The share of queries whose nearest neighbour in the gallery is the same person.

    ``queries`` and ``gallery`` are (N, D), ``identity`` (N,); of each person the first row of ``gallery`` is taken,
    and the distance is Euclidean. In float64, because the expanded square loses digits where neighbours are close.
    """
    people, person = torch.unique(identity, return_inverse=True)
    rows = torch.arange(len(identity))
    first = torch.full((len(people),), len(identity)).scatter_reduce(0, person, rows, "amin")
    known = gallery[first].double()
    offset = known.square().sum(dim=1) / 2
    right = 0
    for start in range(0, len(queries), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        nearest = (offset - queries[some].double() @ known.T).argmin(dim=1)
        right += int((nearest == person[some]).sum())
    return right / len(identity)
