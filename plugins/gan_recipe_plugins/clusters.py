"""Whether every cluster of the truth is made, how well, and how evenly: mode collapse, counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Metric
from gan_recipe_plugins._elementwise import precise

if TYPE_CHECKING:
    from torch import Tensor


@frozen
class _Clusters(Metric):
    #: A sample is of high quality within so many standard deviations of its cluster's centre; above 0.
    within: float = 3.0

    def __attrs_post_init__(self) -> None:
        if not self.within > 0:
            raise ValueError(f"within is {self.within}; give a number of standard deviations above 0, usually 3")

    def _nearest(self, output: Tensor, real: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """For each output the nearest cluster and whether it is of high quality; and the real share of each cluster."""
        import torch

        output, real = precise(output).flatten(1), precise(real).flatten(1)
        if output.shape[1] != real.shape[1] or labels.shape != (len(real),):
            raise ValueError(
                f"output, real and labels have the shapes {tuple(output.shape)}, {tuple(real.shape)} and "
                f"{tuple(labels.shape)}; expected (N, D), (M, D) and (M,): points and the clusters of the real ones"
            )
        there = labels.bincount() > 0
        labels = (there.cumsum(0) - 1)[labels]  # a class without a sample is no cluster
        counts = labels.bincount()
        centres = torch.zeros(len(counts), real.shape[1]).index_add_(0, labels, real) / counts[:, None]
        variance = (real - centres[labels]).square().sum() / max(real.numel() - centres.numel(), 1)
        distance, cluster = torch.cdist(output, centres).min(dim=1)
        return cluster, distance <= self.within * variance.sqrt(), counts / len(real)


@frozen
class ModesFound(_Clusters):
    """How many clusters of the real samples hold at least one output of high quality; higher is better.

    ``labels`` (M,) say which cluster each sample of ``real`` (M, D) belongs to. Centres are the clusters' means, and
    one standard deviation along each axis is taken over all of them; an ``output`` (N, D) is of high quality
    ``within`` so many of them of the nearest centre. The papers look at 2,500 outputs: state ``held_out = 2_500``.

    Raises ValueError with the shapes when they do not fit.

    Source: Srivastava et al. 2017, "VEEGAN", section 4.1; Lin et al. 2018, "PacGAN", section 4.1.
    """

    def __call__(self, output: Tensor, real: Tensor, labels: Tensor) -> float:
        cluster, good, _ = self._nearest(output, real, labels)
        return float((cluster[good].bincount() > 0).sum())


@frozen
class HighQuality(_Clusters):
    """The share of outputs that lie near a cluster of the real samples, from 0 to 1; higher is better.

    Reads and settings are those of ``modes_found``.

    Source: Srivastava et al. 2017, "VEEGAN", section 4.1; Lin et al. 2018, "PacGAN", section 4.1.
    """

    def __call__(self, output: Tensor, real: Tensor, labels: Tensor) -> float:
        return float(self._nearest(output, real, labels)[1].float().mean())


@frozen
class ReverseKL(_Clusters):
    """How unevenly outputs are spread over the clusters of the real samples, in nats; 0 is as evenly as the truth.

    ``sum over clusters of q ln(q / p)``, where q is the share of outputs nearest to a cluster's centre (of any quality)
    and p the share of real samples. One cluster of K equal ones alone gives ln K; finite samples of the truth itself
    about (K - 1) / N. Reads are those of ``modes_found``; ``within`` has no effect.

    Source: Lin et al. 2018, "PacGAN", section 4.1.
    """

    def __call__(self, output: Tensor, real: Tensor, labels: Tensor) -> float:
        cluster, _, truth = self._nearest(output, real, labels)
        made = cluster.bincount(minlength=len(truth)) / len(output)
        there = made > 0
        return float((made[there] * (made[there] / truth[there]).log()).sum())
