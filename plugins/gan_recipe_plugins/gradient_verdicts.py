"""Gradients that one loss rules, and weights or scores that run away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._loudness_cures import HALF_AS_LOUD, balanced, balanced_by_pull
from gan_recipe_plugins._pace_cures import slowed
from gan_recipe_plugins._slope_cures import bounded

if TYPE_CHECKING:
    from gan_recipe import Case, Series


@frozen
class OneLossLeads(Verdict):
    """One loss rules a player's gradient where its losses meet, or its adversarial loss has no say in it.

    Read from ``contributions``: told when a loss's share stayed above ``share``, or that of the player's adversarial
    loss below ``silent`` at the sample that the critic is given, over ``samples`` measurements and ``rounds`` rounds.
    Further down, at a code that other heads share, a quiet adversarial loss is no failure: what it is there for it says
    at the sample. It is told of players that have an adversarial loss: elsewhere one loss may well lead.

    Source: Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis", equation 7, which holds two
    losses' norms equal at the decoder's last layer. The bounds are proposals that were tried on the runs of
    docs/doctor.md.
    """

    #: The share of the summed norms above which a loss leads.
    share: float = 0.95
    #: The share below which the adversarial loss is silent.
    silent: float = 0.01
    #: How many measurements, and over how many rounds.
    samples: int = 5
    #: Over how many rounds at least.
    rounds: int = 300

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            player, adversarial = contest.generator, contest.generator_loss
            for meeting in case.meetings(player) if player and adversarial else ():
                shares = {name: case.series(f"{player}/{meeting.label}/share/{name}") for name in meeting.losses}
                leading = [name for name, series in shares.items() if self._stays(series, case, above=self.share)]
                at_sample = contest.made is not None and meeting.value is contest.made
                heard = shares.get(str(adversarial)) if at_sample else None
                silent = heard is not None and self._stays(heard, case, below=self.silent)
                if not leading and not silent:
                    continue
                figures = {name: series.recent(self.samples).mean() for name, series in shares.items() if len(series)}
                leader = leading[0] if leading else max(figures, key=lambda name: figures[name])
                other = (
                    f"; {adversarial} has {figures[adversarial]:.1%}"
                    if leader != adversarial and adversarial in figures
                    else ""
                )
                # Among many that are alike none need be lowered: then the one that is not heard is raised.
                changed = str(adversarial) if heard and figures[leader] < 0.5 and heard.last > 0 else leader
                # A weight is right where it was measured; a balance goes on measuring, and comes first.
                held = balanced_by_pull(case, str(player), meeting, leader) if leading else ()
                of_others, much = (HALF_AS_LOUD, "half as loud") if changed == leader else (1.0, "as loud")
                once = balanced(case, str(player), changed, figures[changed], of_others)
                cures = (*held, *((once,) if once else ())) or ((),)
                yield Finding(
                    f"the loss {leader} makes {figures[leader]:.1%} of {player}'s gradient at {meeting.label}{other}: "
                    f"{'the others are' if leading else f'{adversarial} is'} not heard. "
                    f"{'A balance' if held else 'A weight'} with which {changed} is {much} as all others together is "
                    "stated below",
                    {f"share_{name}": value for name, value in figures.items()},
                    cures[0],
                    f"{player}/{meeting.label}",
                    max(0, case.round - self.rounds),
                    cures[1:],
                )

    def _stays(self, series: Series, case: Case, *, above: float | None = None, below: float | None = None) -> bool:
        window = series.since(max(0, case.round - self.rounds))
        long = len(series) > 0 and series.rounds[0] <= case.round - self.rounds
        count = max(self.samples, len(window))
        return long and series.stayed(count, above=above, below=below)


@frozen
class Diverged(Verdict):
    """Scores or weights grow without end.

    Read from ``critic_scores`` and ``weights``: told when the larger of the mean real and fake scores, or a player's
    weights, has grown over its first measurements by the bound and is still growing.

    Source: Mescheder et al. 2018, "Which Training Methods for GANs do actually Converge?", on what does not; the bounds
    were tuned on the runs of docs/doctor.md.
    """

    #: How large the mean scores must be.
    score: float = 100.0
    #: By how much a player's weights must have grown.
    weights: float = 8.0
    #: How many measurements running.
    samples: int = 3

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            at = f"{contest.critic}/{contest.loss}"
            sides = {side: case.series(f"{at}/{side}") for side in ("real", "fake")}
            for side, series in sides.items():
                sizes = [abs(value) for value in series.recent(self.samples).values]
                if len(sizes) == self.samples and min(sizes) > self.score:
                    yield Finding(
                        f"the mean score that {contest.critic} gives {side} samples is {series.last:,.0f} and nothing "
                        "bounds it: its scores run away. A penalty on the critic's slope bounds them",
                        {f"mean_{name}_score": each.last for name, each in sides.items() if len(each)},
                        bounded(case, contest),
                        at,
                        series.recent(self.samples).rounds[0],
                    )
                    break
        for name in case.recipe.players:
            weights = case.series(f"{name}/weights")
            if len(weights) > self.samples and weights.stayed(
                self.samples, above=self.weights * max(weights.values[0], 1e-6)
            ):
                yield Finding(
                    f"the weights of {name} are {weights.last / max(weights.values[0], 1e-6):.0f} times as large as at "
                    "the start: they run away",
                    {"weights": weights.last, "at_the_start": weights.values[0]},
                    slowed(case, name),
                    name,
                    weights.recent(self.samples).rounds[0],
                )
