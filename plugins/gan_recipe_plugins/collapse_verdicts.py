"""Outputs that have lost their variety, at once or from the start, or that stand at the limits of their range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._pace_cures import gone_back, lower_rates, rates_held, smaller_steps
from gan_recipe_plugins._sample_cures import packed
from gan_recipe_plugins._slope_cures import many_modes, unsaturated

if TYPE_CHECKING:
    from gan_recipe import Case

_HOW_MUCH = {
    "diversity": "differs {:.0%} as much as what is real",
    "modes": "counts as {:.0%} as many different samples",
}

_PAIRING = "Relativistic pairing with penalties on the critic's slope at real and fake samples drops no modes"
_PENALTY = "A stronger penalty on the critic's slope keeps it from driving outputs from one mode to the next"
_WITH_THE_RATE = "A rate had just been raised by its schedule: hold it where it was good"
_BY_ITSELF = "Go back to a checkpoint before it, with lower rates"


@frozen
class ModeCollapse(Verdict):
    """The generator makes much the same for whatever it is given.

    Read from ``outputs``: told when ``diversity`` or ``modes`` stayed below its bound over several measurements
    running. Every generator begins so: there is no verdict before ``grace``.

    Source: Goodfellow 2016, "NIPS 2016 Tutorial: Generative Adversarial Networks", section 5.1.1; the bounds were tuned
    on the runs of docs/doctor.md, other seeds than its table's.
    """

    #: The distance between outputs, over that between real samples, below which they are one image.
    diversity: float = 0.4
    #: The effective number of different outputs, over that of real samples, below which they are few.
    modes: float = 0.4
    #: How many measurements running.
    samples: int = 5
    #: No verdict before this round.
    grace: int = 300

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            seen = {name: case.series(f"{at}/{name}").since(self.grace) for name in ("diversity", "modes", "copies")}
            few = seen["modes"].stayed(self.samples, below=self.modes)
            if few or seen["diversity"].stayed(self.samples, below=self.diversity):
                figures = {name: series.recent(self.samples).mean() for name, series in seen.items() if len(series)}
                cure = many_modes(case, contest)
                helps = _PAIRING if any('use = "relativistic_critic"' in line for line in cure) else _PENALTY
                how_much = [words.format(figures[name]) for name, words in _HOW_MUCH.items() if name in figures]
                yield Finding(
                    f"what {contest.generator or 'the generator'} makes {', and '.join(how_much)}: it makes much the "
                    f"same for whatever it is given. {helps}",
                    figures,
                    cure,
                    at,
                    seen["modes" if few else "diversity"].recent(self.samples).rounds[0],
                    packed(case, contest),
                )


@frozen
class SuddenCollapse(Verdict):
    """What was good for a long while has become bad within a few measurements.

    Read from ``outputs``: of ``diversity``, ``modes`` and ``distance`` the mean of the last ``samples`` is compared
    with the measurements before: told when it is worse than their median by more than ``sigmas`` times their usual
    deviation and by more than ``share`` of the median, and the measurements before were good, and enough of them.
    One bad batch is no collapse: the median of the last must be worse by ``sigmas``, too.

    Source: the early stopping of Brock et al. 2019, "Large Scale GAN Training for High Fidelity Natural Image
    Synthesis", section 4; max(3 sigma, 15 %) is the usual control limit, widened as docs/doctor.md tells.
    """

    #: How many times its usual deviation a figure must have worsened by.
    sigmas: float = 4.0
    #: The share of its former median by which it must have worsened.
    share: float = 0.4
    #: Over how many measurements the mean is taken that is bad.
    samples: int = 3
    #: How many were good before.
    before: int = 8

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            made = f"{contest.generator}/{contest.generator_loss}"
            watched = {f"{at}/diversity": -1, f"{at}/modes": -1, f"{made}/distance": 1}
            for name, worse in watched.items():
                series = case.series(name)
                if len(series) < self.before + self.samples:
                    continue
                former = type(series)(series.rounds[: -self.samples], series.values[: -self.samples]).recent(
                    self.before
                )
                # More variety than the real data has is no merit, so losing it is no harm.
                middle = min(former.median(), 1.0) if worse < 0 else former.median()
                usual = (
                    1.4826 * type(series)(former.rounds, tuple(abs(each - middle) for each in former.values)).median()
                )
                bad = worse * (series.recent(self.samples).mean() - middle)
                good = middle > 0.6 if worse < 0 else middle > 0
                still = worse * (series.recent(self.samples).median() - middle) > self.sigmas * usual
                if good and still and bad > max(self.sigmas * usual, self.share * middle):
                    short = name.rpartition("/")[2]
                    now = series.recent(self.samples).mean()
                    held = rates_held(case, former.rounds[0], former.rounds[-1])
                    back = gone_back(case, "sudden_collapse") or lower_rates(case, 0.1)
                    yield Finding(
                        f"{short} of what {contest.generator or 'the generator'} makes went from {middle:.3g} to "
                        f"{now:.3g} within {series.rounds[-1] - former.rounds[-1]:,} rounds, after a long good while: "
                        f"training came apart at once. {_WITH_THE_RATE if held else _BY_ITSELF}",
                        {"before": middle, "now": now, "usual_deviation": usual},
                        held or back,
                        at,
                        series.recent(self.samples).rounds[0],
                        (back,) if held else (),
                    )
                    break


@frozen
class SaturatedGenerator(Verdict):
    """The generator has no gradient: its outputs stand at the limits of a tanh, or its loss is flat where they are.

    Told when one of two stayed so over several measurements running. The share of values beyond 0.99 of full scale,
    less the real samples' share, was above its bound (``outputs``). Or the slope of the generator's loss at the
    critic's scores was below its bound while the critic had more than ``ranked`` of pairs in the right order
    (``critic_scores``): a critic that is sure, and a loss that saturates just there.

    Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", on
    saturation; Goodfellow et al. 2014, "Generative Adversarial Nets", section 3, on log(1 - D(G(z))). The bounds were
    tuned on the runs of docs/doctor.md.
    """

    #: The share of values at the limits, beyond the real samples' own.
    limits: float = 0.3
    #: The slope of the loss, over that at scores of 0.
    slope: float = 0.05
    #: The share of pairs in the right order.
    ranked: float = 0.9
    #: How many measurements running.
    samples: int = 3

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            slope = case.series(f"{contest.generator}/{contest.generator_loss}/slope")
            right = case.series(f"{at}/ranked")
            if slope.stayed(self.samples, below=self.slope) and right.stayed(self.samples, above=self.ranked):
                figures = {"slope": slope.recent(self.samples).mean(), "ranked": right.recent(self.samples).mean()}
                yield Finding(
                    f"{contest.critic} is right in {figures['ranked']:.1%} of pairs, and there the loss "
                    f"{contest.generator_loss} has {figures['slope']:.1%} of the slope that it has where the critic "
                    f"is undecided: it passes {contest.generator} no gradient. A loss that does not saturate does",
                    figures,
                    unsaturated(case, contest),
                    at,
                    slope.recent(self.samples).rounds[0],
                )
            limits = case.series(f"{at}/limits")
            if limits.stayed(self.samples, above=self.limits):
                figures = {"limits": limits.recent(self.samples).mean()}
                yield Finding(
                    f"{figures['limits']:.0%} more of what {contest.generator or 'the generator'} makes than of what "
                    "is real stands at the limits of its range: the tanh is saturated and passes no gradient. It "
                    "has stepped too far; it has to begin again with a lower rate",
                    figures,
                    smaller_steps(case, contest, 0.05),
                    at,
                    limits.recent(self.samples).rounds[0],
                )
