"""Whether the critic has learnt its training samples by heart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal
from gan_recipe_plugins.critic_scores import ranked

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Case, Look


@frozen
class HeldOutScores(Signal):
    """The critic's scores of real samples that it learns from, against real ones that it never saw.

    Taken in eval mode with averaged weights, on 32 samples of each kind that stay the same through the run:

    - ``held_out/LOSS/gap``: the mean score of training samples minus that of held-out ones;
    - ``held_out/LOSS/ranked``: the share of pairs of a training and a held-out sample of which the first has the higher
      score, 0.5 where the critic treats them alike;
    - ``held_out/LOSS/share``: the same over the gap between training samples and fakes: 0 where the critic treats new
      real samples as real, 1 where it takes them for fakes.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", equation 1 (r_v).
    """

    sparse = 4

    def at_round(self, look: Look) -> Mapping[str, Tensor | float]:
        found: dict[str, Tensor | float] = {}
        for contest in look.contests:
            if _labels(look.fields_of(contest.real_score)):
                continue
            seen, fake = look.values([contest.real_score, contest.fake_score], held_out=False)
            (unseen,) = look.values([contest.real_score], held_out=True)
            gap = seen.mean() - unseen.mean()
            found[f"held_out/{contest.loss}/gap"] = gap
            found[f"held_out/{contest.loss}/ranked"] = ranked(seen.flatten(), unseen.flatten())
            found[f"held_out/{contest.loss}/share"] = gap / (seen.mean() - fake.mean()).abs().clamp(min=1e-6)
        return found

    def without(self, case: Case) -> Mapping[str, str]:
        return dict(_unmeasured(case))


def _unmeasured(case: Case) -> Iterator[tuple[str, str]]:
    for contest in case.contests:
        if labels := _labels(case.fields_of(contest.real_score)):
            read = ", ".join(labels)
            yield f"overfitting of {contest.critic}", f"its score reads {read}, and new samples may have other labels"


def _labels(fields: Mapping[str, int | None]) -> list[str]:
    return [name for name, classes in fields.items() if classes is not None]
