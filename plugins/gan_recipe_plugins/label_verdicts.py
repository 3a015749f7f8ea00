"""A label that the outputs do not show, and networks that were loaded from different phases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._cures import other_labels, wait_for_critic

if TYPE_CHECKING:
    from gan_recipe import Case


@frozen
class FactorLost(Verdict):
    """A label is lost: a judge does not see it in the outputs, or a head cannot learn it from real samples.

    Told of a judged metric when its ``label`` signal stayed below ``seen`` after ``grace`` rounds without rising, and
    of a classification loss when after ``grace`` rounds it still stands near ln K, K classes being guessed at, and does
    not fall: its labels have nothing to do with what its logits are computed from.

    Source: the notebook's last entries, of which docs/doctor.md tells; ln K is the entropy of a guess.
    """

    #: The share of outputs in which a judge sees the label, below which it is lost.
    seen: float = 0.5
    #: The loss over ln K above which a head guesses.
    guess: float = 0.93
    #: How many measurements running.
    samples: int = 4
    #: No verdict before this round.
    grace: int = 300

    def judge(self, case: Case) -> Iterator[Finding]:
        for figure in list(case.figures()):
            series = case.series(figure)
            if figure.startswith("label/") and len(series.since(self.grace)) >= self.samples:
                recent = series.recent(self.samples)
                if recent.stayed(self.samples, below=self.seen) and recent.last < recent.values[0] + 0.05:
                    label = figure.removeprefix("label/")
                    yield Finding(
                        f"a judge sees the right {label} in {recent.mean():.0%} of the outputs, and it is not rising: "
                        f"{label} is lost on its way to them",
                        {"seen": recent.mean()},
                        (),
                        label,
                        recent.rounds[0],
                    )
        for player in case.recipe.players.values():
            for loss in player.losses.values():
                labels = loss.reads.get("labels")
                classes = case.fields_of(labels).get(labels.name) if labels is not None else None
                series = case.series(f"{player.name}/loss/{loss.name}").since(self.grace)
                if not classes or classes < 2 or labels is None:
                    continue
                recent, guess = series.recent(self.samples), math.log(classes)
                falls = len(recent) > 0 and recent.last < recent.values[0] - 0.02 * guess
                if series.stayed(self.samples, above=self.guess * guess) and not falls:
                    logits = loss.reads["logits"].label if "logits" in loss.reads else "its logits"
                    value = recent.mean()
                    yield Finding(
                        f"after {case.round:,} rounds the loss {loss.name} of {player.name} stands at {value:.2f}, and "
                        f"guessing among {classes} classes gives {guess:.2f}: {logits} cannot learn "
                        f"{labels.label}, which has nothing to do with it, or has no way to it",
                        {"loss": value, "guess": guess},
                        other_labels(case, player.name, loss.name),
                        f"{player.name}/{loss.name}",
                        recent.rounds[0],
                    )


_FRESH = "fresh weights"


@frozen
class PhaseMismatchAfterLoad(Verdict):
    """Critic and generator were loaded from different phases, and one of them outplays the other at once.

    Told in the first rounds of a run some of whose networks are warm-started: when the two sides of a contest do not
    stem from one run and round, and the first measured share of pairs in the right order lies outside the bounds. A
    critic of fresh weights alone orders pairs by chance, anywhere near a half: beside a generator that was loaded whole
    it is told of whatever its share.

    Source: the notebook's remark that "G and D have to be in the same phase"; the bounds are proposals.
    """

    #: The shares of pairs in the right order between which the two sides match.
    least: float = 0.55
    #: The upper one.
    most: float = 0.95

    def judge(self, case: Case) -> Iterator[Finding]:
        for contest in case.contests:
            if contest.generator is None or not case.parents:
                continue
            if contest.generator not in case.recipe.schedule.moves(0, tuple(case.recipe.players)):
                continue  # it is held already until the critic has caught up
            sides = [_phases(case, name) for name in (contest.critic, contest.generator)]
            first = case.series(f"{contest.critic}/{contest.loss}/ranked")
            if sides[0] == sides[1] or len(first) != 1:
                continue
            knows_nothing = sides[0] == {_FRESH} and _FRESH not in sides[1]
            if self.least <= first.last <= self.most and not knows_nothing:
                continue
            told = [" and ".join(sorted(side)) for side in sides]
            yield Finding(
                f"{contest.critic} starts from {told[0]}, {contest.generator} from {told[1]}, and at load the critic "
                f"puts {first.last:.0%} of pairs in the right order{', by chance' if knows_nothing else ''}: they are "
                "not in the same phase. Let the critic catch up while the generator is held, or load both from one "
                "round",
                {"ranked": first.last},
                wait_for_critic(case, contest),
                f"{contest.critic}/{contest.loss}",
            )


def _phases(case: Case, player: str) -> set[str]:
    """Where the networks of a player come from, those that have weights of their own to load."""
    found = set()
    for name in case.recipe.players[player].trains:
        parent = case.parents.get(name)
        found.add(f"{parent['run']}@{parent['round']}" if parent else _FRESH)
    return found
