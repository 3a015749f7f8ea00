"""Whether the critic has learnt its training samples by heart, and whether what is made of new samples shows it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal
from gan_recipe_plugins.critic_scores import ranked

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Case, Contest, Look


@frozen
class HeldOutScores(Signal):
    """The critic's scores of real samples that it learns from and of new ones, and what is made of new samples.

    Taken in eval mode with averaged weights, on 32 samples of each kind (a few more where the batch is
    cut into groups that 32 would not fill) that stay the same through the run:

    - ``held_out/LOSS/gap``: the mean score of training samples minus that of held-out ones;
    - ``held_out/LOSS/ranked``: the share of pairs of a training and a held-out sample of which the first has the higher
      score, 0.5 where the critic treats them alike;
    - ``held_out/LOSS/share``: the same over the gap between training samples and fakes: 0 where the critic treats new
      real samples as real, 1 where it takes them for fakes; it grows as well where fakes become good;
    - ``held_out/LOSS/copied``: the share of outputs, made from held-out inputs, that stand nearer to a training sample
      than to any held-out one, and nearer to it than half of the held-out samples do: at most 0.5 or so for one that
      makes new samples, 1 for one that repeats what it was shown. Images are averaged to 8 x 8;
    - ``held_out/LOSS/distance``: where a loss of the generator compares outputs with a target, their mean absolute
      difference on held-out samples.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", equation 1 (r_v); Meehan,
    Chaudhuri and Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models" (``copied`` holds
    its three samples against each other).
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
            found |= {f"held_out/{contest.loss}/{name}": value for name, value in _made_of_new(look, contest).items()}
        return found

    def without(self, case: Case) -> Mapping[str, str]:
        return dict(_unmeasured(case))


def _unmeasured(case: Case) -> Iterator[tuple[str, str]]:
    for contest in case.contests:
        if labels := _labels(case.fields_of(contest.real_score)):
            read = ", ".join(labels)
            yield f"overfitting of {contest.critic}", f"its score reads {read}, and new samples may have other labels"
        elif contest.made is not None and (labels := _labels(case.fields_of(contest.made))):
            read = ", ".join(labels)
            yield f"copies by {contest.generator}", f"it reads {read}, and new samples may have other labels"


def _made_of_new(look: Look, contest: Contest) -> Mapping[str, Tensor]:
    if contest.made is None or contest.real is None or _labels(look.fields_of(contest.made)):
        return {}
    made, unseen = look.values([contest.made, contest.real], held_out=True)
    (seen,) = look.values([contest.real], held_out=False)
    if made.shape[1:] != unseen.shape[1:]:
        return {}
    found = {"copied": copied(made, seen, unseen)}
    target = look.target(contest)
    if target is not None and made.shape == target.shape:
        found["distance"] = (made - target).abs().mean()
    return found


def copied(made: Tensor, seen: Tensor, unseen: Tensor) -> Tensor:
    """The share of ``made`` (N, ...) that stands nearer to a ``seen`` sample than to any ``unseen`` one, and nearer to
    it than half of the ``unseen`` do. From 0 to 1."""
    import torch
    from torch.nn.functional import adaptive_avg_pool2d

    if made.dim() == 4:
        made, seen, unseen = (adaptive_avg_pool2d(each, min(8, *each.shape[2:])) for each in (made, seen, unseen))
    made, seen, unseen = (each.float().flatten(1) for each in (made, seen, unseen))
    to_seen = torch.cdist(made, seen).amin(dim=1)
    usual = torch.cdist(unseen, seen).amin(dim=1).median()
    return ((to_seen < torch.cdist(made, unseen).amin(dim=1)) & (to_seen < usual)).float().mean()


def _labels(fields: Mapping[str, int | None]) -> list[str]:
    return [name for name, classes in fields.items() if classes is not None]
