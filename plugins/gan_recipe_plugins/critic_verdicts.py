"""A critic that is out of step with its generator: too strong, or too weak."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._cures import slope_penalty

if TYPE_CHECKING:
    from gan_recipe import Case


@frozen
class CriticTooStrong(Verdict):
    """The critic is sure and right about nearly every sample: it tells the generator that it is wrong, not how to mend.

    Read from ``critic_scores``: told when ``doubt`` stayed below its bound, and the scores in the right order for more
    than the bound of pairs, over several measurements running. A Wasserstein critic is never told of: its slope does
    not depend on how sure it is.

    Source: Arjovsky and Bottou 2017, "Towards Principled Methods for Training Generative Adversarial Networks",
    theorem 2.4.
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
                figures = {
                    name: series.recent(self.samples).mean()
                    for name, series in (("doubt", doubt), ("ranked", ranked), ("gap", gap))
                }
                yield Finding(
                    f"{contest.critic} tells real from fake in {figures['ranked']:.1%} of pairs and doubts only "
                    f"{figures['doubt']:.1%} as much as one that knows nothing (mean scores {figures['gap']:.1f} "
                    f"apart): what {contest.generator or 'the generator'} learns from it is that it is wrong, not how "
                    "to mend. A penalty on the critic's slope keeps its scores near each other",
                    figures,
                    slope_penalty(case, contest),
                    at,
                )
