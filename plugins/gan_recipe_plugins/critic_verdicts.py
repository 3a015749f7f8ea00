"""A critic that is out of step with its generator: too strong, or too weak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._pace_cures import equal_pace
from gan_recipe_plugins._sample_cures import augmented
from gan_recipe_plugins._slope_cures import held_back, slope_penalty
from gan_recipe_plugins._wiring_cures import more_data

if TYPE_CHECKING:
    from gan_recipe import Case


@frozen
class CriticTooStrong(Verdict):
    """The critic is sure and right about nearly every sample: it tells the generator that it is wrong, not how to mend.

    Read from ``critic_scores``: told when ``doubt`` stayed below its bound, and the scores in the right order for more
    than the bound of pairs, over several measurements running. A Wasserstein critic is never told of: its slope does
    not depend on how sure it is.

    Source: Arjovsky and Bottou 2017, "Towards Principled Methods for Training Generative Adversarial Networks",
    theorem 2.4. The bounds were tuned on the runs of docs/doctor.md, other seeds than its table's.
    """

    #: The doubt below which a critic is too sure. A gap of 6.6 in logits, as in the notebook's failing run, is 0.07;
    #: one of 0.46, as in the healthy one, 0.89.
    doubt: float = 0.1
    #: The share of pairs in the right order above which it is right as well.
    ranked: float = 0.98
    #: How many measurements running.
    samples: int = 4

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            doubt, ranked, gap = (case.series(f"{at}/{name}") for name in ("doubt", "ranked", "gap"))
            if doubt.stayed(self.samples, below=self.doubt) and ranked.stayed(self.samples, above=self.ranked):
                seen = {"doubt": doubt, "ranked": ranked, "gap": gap}
                figures = {name: series.recent(self.samples).mean() for name, series in seen.items() if len(series)}
                apart = f" (mean scores {figures['gap']:.1f} apart)" if "gap" in figures else ""
                yield Finding(
                    f"{contest.critic} tells real from fake in {figures['ranked']:.1%} of pairs and doubts only "
                    f"{figures['doubt']:.1%} as much as one that knows nothing{apart}: "
                    f"{contest.generator or 'the generator'} learns from it that it is wrong, not how to mend. "
                    "A penalty on the critic's slope keeps its scores near each other",
                    figures,
                    held_back(case, contest),
                    at,
                    doubt.recent(self.samples).rounds[0],
                )


@frozen
class CriticTooWeak(Verdict):
    """The critic cannot tell real from fake although the two are plainly different.

    Read from ``critic_scores`` and ``outputs``: told when ``ranked`` stayed below its bound while the nearest neighbour
    of a sample was of its own kind (``apart``) more often than the bound, over several measurements running. A critic
    that cannot tell because nothing can is what training is for, and is not told of.

    Source: Lopez-Paz and Oquab 2017, "Revisiting Classifier Two-Sample Tests". The bounds were tuned as those of
    ``critic_too_strong``.
    """

    #: The share of pairs in the right order below which the critic knows nothing.
    ranked: float = 0.6
    #: How often neighbours are of one kind where real and fake are plainly different.
    apart: float = 0.85
    #: How many measurements running.
    samples: int = 6
    #: No verdict before this round: every critic begins by knowing nothing.
    grace: int = 300

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            ranked, apart = (case.series(f"{at}/{name}").since(self.grace) for name in ("ranked", "apart"))
            if ranked.stayed(self.samples, below=self.ranked) and apart.stayed(self.samples, above=self.apart):
                figures = {"ranked": ranked.recent(self.samples).mean(), "apart": apart.recent(self.samples).mean()}
                yield Finding(
                    f"{contest.critic} puts real above fake in {figures['ranked']:.1%} of pairs, near the 50 % of a "
                    f"guess, although nearest neighbours tell the two apart in {figures['apart']:.1%}: it teaches "
                    f"{contest.generator or 'the generator'} nothing. It moves too little, or its head cannot say what "
                    "it sees",
                    figures,
                    equal_pace(case, contest),
                    at,
                    ranked.recent(self.samples).rounds[0],
                )


@frozen
class Overfitting(Verdict):
    """The critic knows its training samples by heart, and what is made of new ones shows it.

    Read from ``held_out_scores``, over several measurements running. Two things must hold. The critic takes new real
    samples for fakes: the mean score fell from training to held-out samples by more than ``share`` of its fall from
    training samples to fakes, and training samples stood above held-out ones in more than ``ranked`` of pairs. And the
    outputs are hurt: made from new inputs, more than ``copied`` of them repeat training samples, or their ``distance``
    to the targets has grown by more than ``worse`` from its best.

    The first alone is no failure: where data is few, every critic comes to know it in time, and the better the fakes,
    the smaller the fall that the share is taken of. With a loss that holds outputs to their targets they may be good
    all the same; the figures are on file for who wants to know of the critic.

    Source: Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data", equation 1 and section 3.1
    (its target of 0.6 is for the other heuristic, r_t), where overfitting counts by what it does to outputs; Meehan,
    Chaudhuri and Dasgupta 2020, "A Non-Parametric Test to Detect Data-Copying in Generative Models"; Prechelt 1998,
    "Early Stopping - But When?" (loss of generality, from its best).
    """

    #: The share of the fall above which the critic goes by heart.
    share: float = 0.5
    #: How many measurements running.
    samples: int = 3
    #: The share of pairs of which the training sample stands above the held-out one; 0.5 for a critic that is fair.
    ranked: float = 0.8
    #: The share of copies. Half are nearer to a training sample by chance; of 32, three standard deviations are 0.27.
    copied: float = 0.8
    #: The share of its best by which the distance has grown: the 15 % that ``sudden_collapse`` began with.
    worse: float = 0.15

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"held_out/{contest.loss}"
            share, ranked = (case.series(f"{at}/{name}") for name in ("share", "ranked"))
            if not (share.stayed(self.samples, above=self.share) and ranked.stayed(self.samples, above=self.ranked)):
                continue
            figures = {"share": share.recent(self.samples).mean(), "ranked": ranked.recent(self.samples).mean()}
            copied, distance = (case.series(f"{at}/{name}") for name in ("copied", "distance"))
            harm = []
            if copied.stayed(self.samples, above=self.copied):
                figures["copied"] = copied.recent(self.samples).mean()
                harm.append(f"{figures['copied']:.0%} of what is made of new inputs repeats training samples")
            if distance.stayed(self.samples, above=(1 + self.worse) * min(distance.values, default=0.0)):
                figures |= {"best": min(distance.values), "distance": distance.recent(self.samples).mean()}
                grown = figures["distance"] / figures["best"] - 1
                harm.append(f"what is made of new inputs is {grown:.0%} further from its targets than it was at best")
            if harm:
                # A bounded critic mends the distance. A loss on targets teaches copies as well, which more data alone
                # mends: without it outputs copy after the cure, whichever of the two told of the harm.
                more = more_data(case, contest)
                yield Finding(
                    f"{contest.critic} scores real samples that it never saw {figures['share']:.0%} of the way down to "
                    f"fakes, and below training samples in {figures['ranked']:.0%} of pairs: it has learnt its "
                    f"training samples by heart, and {', and '.join(harm)}. More data or a stronger penalty on the "
                    "critic's slope helps",
                    figures,
                    (*more, *slope_penalty(case, contest, weight=10.0)),
                    f"{contest.critic}/{contest.loss}",
                    share.recent(self.samples).rounds[0],
                    () if more else augmented(case, contest),
                )
