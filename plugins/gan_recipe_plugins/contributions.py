"""What each loss contributes to a player's gradient, where its losses meet."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Case, Moment


@frozen
class Contributions(Signal):
    """What each loss contributes to a player's gradient, its weight included, where its losses meet.

    They meet at the sample that the player makes, for the losses that see it; and, where others do not, at the last
    value that all of the player's losses are computed from, else at the last weights that they share. At a meeting
    point called AT:

    - ``AT/norm/LOSS``: the Euclidean norm of the loss's part of the gradient there;
    - ``AT/share/LOSS``: its share in the sum of these norms, from 0 to 1;
    - ``AT/cosine/LOSS~OTHER``: whether two losses pull the same way (1), across (0) or against each other (-1).

    A loss whose own norm is 0 has the share 0. Each loss costs one backward pass from its value to the meeting point.

    Source: Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis", equation 7, compares the norms
    of two losses' gradients at the last layer; Chen et al. 2018, "GradNorm", those of many.
    """

    def at_move(self, moment: Moment) -> Mapping[str, Tensor | float]:
        import torch

        found: dict[str, Tensor | float] = {}
        for meeting in moment.meetings:
            pulls = {name: pull.flatten() for name, pull in moment.pulls(meeting).items()}
            if len(pulls) < 2:
                continue
            together = torch.stack(list(pulls.values()))
            norms = torch.linalg.vector_norm(together, dim=1)
            shares = norms / norms.sum().clamp(min=1e-30)
            units = together / norms.clamp(min=1e-30).unsqueeze(1)
            cosines = units @ units.T
            for place, name in enumerate(pulls):
                found[f"{meeting.label}/norm/{name}"] = norms[place]
                found[f"{meeting.label}/share/{name}"] = shares[place]
            for (first, name), (second, other) in combinations(enumerate(pulls), 2):
                found[f"{meeting.label}/cosine/{name}~{other}"] = cosines[first, second]
        return found

    def without(self, case: Case) -> Mapping[str, str]:
        told = {}
        for name, player in case.recipe.players.items():
            if len(player.losses) < 2:
                told[f"shares of {name}'s losses"] = "it has one loss, which leads by itself"
            elif not case.meetings(name):
                told[f"shares of {name}'s losses"] = "its losses meet in no value and in no network"
        return told
