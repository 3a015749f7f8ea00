"""What the generator makes, against what is real: how different its outputs are, how sharp, how easily told apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Signal

if TYPE_CHECKING:
    from torch import Tensor

    from gan_recipe import Case, Moment


@frozen
class Outputs(Signal):
    """The batch that the generator has made, against the real batch that the critic holds it against.

    Where a loss of the generator compares the outputs with targets, these stand in for the real batch in all but
    ``apart``: frontal faces vary less than any faces. Compared are images averaged to 8 x 8, or vectors as they are,
    at the critic's move:

    - ``diversity``: the mean distance of two outputs over that of two real samples;
    - ``modes``: the Vendi score of the outputs over that of the real batch: how many different ones there are in effect
      (the exponential of the entropy of a Gaussian kernel's eigenvalues, a third as wide as the mean real distance);
    - ``copies``: the share of outputs that have another one within a twentieth of the mean real distance, less the
      share of real samples that have;
    - ``apart``: how often the nearest neighbour of a sample, real or made, is one of its own kind: 0.5 or less where
      the two cannot be told apart, 1 where they never mix; a naive critic to hold the trained one against, which is
      given what that one is, noise and augmentations included;
    - ``detail``: images only, the energy of what a 2 x 2 average takes away over the real batch's: below 1 blur, above
      1 noise or artifacts;
    - ``limits``: images only, the share of values beyond 0.99 of full scale, less the real batch's: a saturated tanh.

    Where a loss of the generator compares the sample with a target, ``distance`` is their mean absolute difference.

    Source: Friedman and Dieng 2023, "The Vendi Score"; Xu et al. 2018, "An empirical study on evaluation metrics of
    generative adversarial networks" (nearest neighbours); Durall et al. 2020, "Watch your Up-Convolution" (spectra).
    """

    def at_move(self, moment: Moment) -> Mapping[str, Tensor | float]:
        found: dict[str, Tensor | float] = {}
        for contest in moment.judges:
            made, real = moment.value(contest.made), moment.value(contest.real)
            if made is not None and real is not None and made.shape[1:] == real.shape[1:] and len(made) > 2 < len(real):
                target = moment.target(contest)
                like = real if target is None or target.shape != made.shape else target
                figures = _figures(made.detach(), like.detach())
                seen = moment.value(contest.made_seen), moment.value(contest.real_seen)
                if seen[0] is not None and seen[1] is not None and seen[0].shape[1:] == seen[1].shape[1:]:
                    figures["apart"] = _apart(seen[0].detach(), seen[1].detach())
                found |= {f"{contest.loss}/{name}": value for name, value in figures.items()}
        for contest in moment.makes:
            made, target = moment.value(contest.made), moment.target(contest)
            if made is not None and target is not None:
                found[f"{contest.generator_loss}/distance"] = (made.detach() - target.detach()).abs().mean()
        return found

    def without(self, case: Case) -> Mapping[str, str]:
        if not case.contests:
            return {"diversity of outputs": "no loss here tells real from fake, so nothing says what is real"}
        return {
            f"diversity of what {each.generator or each.critic} sees": f"nothing real stands beside {each.fake_score}"
            for each in case.contests
            if each.made is None or each.real is None
        }


def _figures(made: Tensor, like: Tensor) -> dict[str, Tensor]:
    """``like`` is what the outputs should be as varied as."""
    figures = {}
    if made.dim() == 4:
        figures["detail"] = _detail(made) / _detail(like).clamp(min=1e-12)
        figures["limits"] = _limits(made) - _limits(like)
    among_made, among_like = _distances(_small(made)), _distances(_small(like))
    unit = _mean_distance(among_like).clamp(min=1e-12)
    figures["diversity"] = _mean_distance(among_made) / unit
    figures["modes"] = _vendi(among_made, unit / 3) / _vendi(among_like, unit / 3)
    figures["copies"] = (_copies(among_made, unit / 20) - _copies(among_like, unit / 20)).clamp(min=0)
    return figures


def _apart(made: Tensor, real: Tensor) -> Tensor:
    import torch

    distances = _distances(torch.cat([_small(made), _small(real)]))
    alone = distances + torch.diag(torch.full_like(distances[0], torch.inf))
    kinds = torch.arange(len(distances), device=made.device) < len(made)
    return (kinds[alone.argmin(dim=1)] == kinds).float().mean()


def _small(samples: Tensor) -> Tensor:
    """Vectors as they are, and images averaged to 8 x 8: (N, ...) to (N, numbers)."""
    from torch.nn.functional import adaptive_avg_pool2d

    if samples.dim() == 4:
        samples = adaptive_avg_pool2d(samples, min(8, *samples.shape[2:]))
    return samples.flatten(1)


def _distances(samples: Tensor) -> Tensor:
    import torch

    return torch.cdist(samples, samples, compute_mode="donot_use_mm_for_euclid_dist")


def _mean_distance(distances: Tensor) -> Tensor:
    count = len(distances)
    return distances.sum() / (count * (count - 1))


def _vendi(distances: Tensor, width: Tensor) -> Tensor:
    import torch

    # Outputs that are no numbers are the business of another verdict, and eigenvalues cannot be taken of them.
    kernel = torch.exp(-(distances / width).square() / 2).nan_to_num() / len(distances)
    shares = torch.linalg.eigvalsh(kernel).clamp(min=1e-12)
    return torch.exp(-(shares * shares.log()).sum())


def _copies(distances: Tensor, near: Tensor) -> Tensor:
    import torch

    alone = distances + torch.diag(torch.full_like(distances[0], torch.inf))
    return (alone.amin(dim=1) < near).float().mean()


def _detail(images: Tensor) -> Tensor:
    from torch.nn.functional import avg_pool2d, interpolate

    even = images[..., : images.shape[-2] // 2 * 2, : images.shape[-1] // 2 * 2]
    return (even - interpolate(avg_pool2d(even, 2), scale_factor=2)).square().mean()


def _limits(images: Tensor) -> Tensor:
    return (images.abs() > 0.99).float().mean()
