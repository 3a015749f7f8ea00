"""What the critic's scores say of the contest: whether it tells real from fake, and whether it still doubts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Loss, Signal

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Contest, Moment


@frozen
class CriticScores(Signal):
    """The critic's scores on the batch that it is about to learn from, for each of its adversarial losses.

    - ``gap``: the mean score of real samples minus that of fake ones, and ``real`` and ``fake`` themselves;
    - ``ranked``: the share of pairs of a real and a fake sample whose scores are in the right order (the area under the
      ROC curve): 0.5 knows nothing, 1 is never wrong, whatever the loss and its scale;
    - ``doubt``: the mean slope of the loss with respect to the scores, over that of a critic that gives all samples
      the same score: 1 knows nothing, 0 is sure and right about every sample and has nothing left to learn. For
      binary cross-entropy it is the mean probability of the wrong answer, doubled; a Wasserstein critic always has 1;
    - ``saturated``: the share of scores whose own slope is under a tenth of an ignorant critic's;
    - ``sign``: the mean sign of the scores of real samples.

    Scores of several outputs (patches) count as samples of their own. At the generator's move, for its adversarial
    loss: ``slope``, the mean slope of that loss with respect to the scores of what it made, over that where every score
    is 0: near 0 the critic's verdict moves the generator no more, whatever it says.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", equation 1 (``sign`` is
    its r_t); Fawcett 2006, "An introduction to ROC analysis".
    """

    def at_move(self, moment: Moment) -> Mapping[str, Tensor | float]:
        found: dict[str, Tensor | float] = {}
        for contest in moment.judges:
            real, fake = moment.value(contest.real_score), moment.value(contest.fake_score)
            if real is not None and fake is not None:
                figures = _figures(moment.loss(contest.loss).component, real.detach(), fake.detach())
                found |= {f"{contest.loss}/{name}": value for name, value in figures.items()}
        for contest in moment.makes:
            slope = _slope_of_generator(moment, contest)
            if slope is not None:
                found[f"{contest.generator_loss}/slope"] = slope
        return found


def _figures(loss: Loss, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    import torch

    figures = {
        "gap": real.mean() - fake.mean(),
        "real": real.mean(),
        "fake": fake.mean(),
        "ranked": ranked(real.flatten(), fake.flatten()),
        "sign": real.sign().mean(),
    }
    middle = (real.mean() + fake.mean()) / 2
    slopes = _slopes(loss, real, fake)
    ignorant = _slopes(loss, torch.full_like(real, 0) + middle, torch.full_like(fake, 0) + middle)
    if slopes is not None and ignorant is not None:
        most = ignorant.abs().sum().clamp(min=1e-12)
        figures["doubt"] = slopes.abs().sum() / most
        figures["saturated"] = (slopes.abs() * slopes.numel() < 0.1 * most).float().mean()
    return figures


def _slope_of_generator(moment: Moment, contest: Contest) -> Tensor | None:
    """None for a loss that is not due, or that reads something else than scores that it can be handed again."""
    import torch

    if contest.generator_loss is None or contest.generator_loss not in moment.losses:
        return None
    loss = moment.loss(contest.generator_loss)
    values = {name: moment.value(node) for name, node in loss.reads.items()}
    moved = [name for name, node in loss.reads.items() if node is loss.reads.get("fake")]
    if loss.functions or len(moved) != 1 or any(value is None for value in values.values()):
        return None
    sizes = []
    with torch.enable_grad():
        for factor in (1.0, 0.0):
            scores = {
                name: (value.detach() * factor).requires_grad_() for name, value in values.items() if value is not None
            }
            (slope,) = torch.autograd.grad(loss.component(**scores), scores[moved[0]], allow_unused=True)
            if slope is None:
                return None
            sizes.append(slope.abs().sum())
    return sizes[0] / sizes[1].clamp(min=1e-12)


def ranked(real: Tensor, fake: Tensor) -> Tensor:
    """The share of pairs in the right order; equal scores count half."""
    import torch

    ordered = torch.cat([real, fake]).sort().values
    below = torch.searchsorted(ordered, real, right=False) + torch.searchsorted(ordered, real, right=True)
    own = real.sort().values
    among = torch.searchsorted(own, real, right=False) + torch.searchsorted(own, real, right=True)
    return (below - among).float().sum() / (2 * real.numel() * fake.numel())


def _slopes(loss: Loss, real: Tensor, fake: Tensor) -> Tensor | None:
    """The slope of the loss at every score; None for a loss that reads more than the two."""
    import torch

    with torch.enable_grad():
        scores = [real.detach().requires_grad_(True), fake.detach().requires_grad_(True)]
        try:
            value = loss(real=scores[0], fake=scores[1])
        except TypeError:
            return None
        slopes = torch.autograd.grad(value, scores, allow_unused=True)
    return (
        torch.cat([each.flatten() for each in slopes if each is not None])
        if any(each is not None for each in slopes)
        else None
    )
