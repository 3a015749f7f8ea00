"""A label that the outputs do not show, and networks that were loaded from different phases."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations, islice
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe import Finding, Verdict
from gan_recipe_plugins._pace_cures import wait_for_critic
from gan_recipe_plugins._wiring_cures import labelled_image, other_labels, same_phase

if TYPE_CHECKING:
    from gan_recipe import Case, Contest


@frozen
class FactorLost(Verdict):
    """A label is lost: a judge does not see it in the outputs, or a head does not learn it.

    Told of a judged metric when its ``label`` signal stayed below ``seen`` after ``grace`` rounds without rising. Told
    of a classification loss of the player that trains the head when, after ``grace`` of the player's moves, and more at
    a low rate, it still stands near ln K, K classes being guessed at, and does not fall below it: labels that have
    nothing to do with what the logits are computed from keep it there for ever, while a head that learns slowly leaves
    it.

    Source: the notebook's last entries, of which docs/doctor.md tells; ln K is the entropy of a guess; Mann 1945,
    "Nonparametric Tests Against Trend", one-sided at 5 %, over the last forty figures.
    """

    #: The share of outputs in which a judge sees the label, below which it is lost.
    seen: float = 0.5
    #: The loss over ln K above which a head guesses.
    guess: float = 0.93
    #: How many measurements running.
    samples: int = 4
    #: No verdict before this round, nor of a head before its player has made so many moves.
    grace: int = 300
    #: Nor of a head before its player's moves times their rate are this: about as far as steps of Adam's kind can have
    #: taken a weight. At 5e-5, where 300 moves show nothing of a head that learns, they are 1,000.
    way: float = 0.05

    def judge(self, case: Case) -> Iterator[Finding]:
        yield from self._unseen(case)
        for player in case.recipe.players.values():
            for loss in player.losses.values():
                labels, logits = loss.reads.get("labels"), loss.reads.get("logits")
                if labels is not None and logits is not None and logits.name in player.trains:
                    yield from self._not_learnt(case, player.name, loss.name)

    def _unseen(self, case: Case) -> Iterator[Finding]:
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

    def _not_learnt(self, case: Case, player: str, loss: str) -> Iterator[Finding]:
        reads = case.recipe.players[player].losses[loss].reads
        classes = case.fields_of(reads["labels"]).get(reads["labels"].name) or 1
        series, guess = case.series(f"{player}/loss/{loss}"), math.log(classes)
        if classes < 2 or not series.stayed(self.samples, above=self.guess * guess):
            return
        rate = float(case.recipe.players[player].optimizer.options["lr"])
        first = _round_after(case, player, max(self.grace, math.ceil(self.way / rate) if rate > 0 else 0))
        if first is None or len(series.since(first)) < self.samples:
            return
        if _falls([min(value, guess) for value in series.recent(40).values]):
            return
        recent = series.recent(self.samples)
        cures = [lines for wired in (labelled_image, other_labels) if (lines := wired(case, player, loss))]
        yield Finding(
            f"after {case.round:,} rounds the loss {loss} of {player} stands at {recent.mean():.2f}, and "
            f"guessing among {classes} classes gives {guess:.2f}, and it does not fall: {reads['logits'].label} "
            f"does not learn {reads['labels'].label}, which has nothing to do with it, has no way to it, or is too "
            "hard to see",
            {"loss": recent.mean(), "guess": guess},
            cures[0] if cures else (),
            f"{player}/{loss}",
            recent.rounds[0],
            tuple(cures[1:]),
        )


def _round_after(case: Case, player: str, moves: int) -> int | None:
    """The round by which a player has made so many moves; None while it has not."""
    players = tuple(case.recipe.players)
    made = (round for round in range(case.round) if player in case.recipe.schedule.moves(round, players))
    last = next(islice(made, moves - 1, None), None) if moves > 0 else -1
    return None if last is None else last + 1


def _falls(values: Sequence[float]) -> bool:
    """Whether the Mann-Kendall test finds a falling trend, one-sided at 5 %; ties count as neither."""
    rises = sum((later > earlier) - (later < earlier) for earlier, later in combinations(values, 2))
    ties = sum(count * (count - 1) * (2 * count + 5) for count in Counter(values).values())
    variance = (len(values) * (len(values) - 1) * (2 * len(values) + 5) - ties) / 18
    return rises < 0 and (rises + 1) / math.sqrt(variance) < -1.645


_FRESH = "fresh weights"
_LOAD = "Load both from one round, or let the critic catch up while the generator is held"
_WAIT = "Let the critic catch up while the generator is held, or load both from one round"
_MEANT = (
    ". Where that is meant, as after training without a critic, a weight that rises from 0 spares the generator too"
)


@frozen
class PhaseMismatchAfterLoad(Verdict):
    """Critic and generator were loaded from different phases, and one of them outplays the other at once.

    Told in the first rounds of a run some of whose networks are warm-started: when the two sides of a contest do not
    stem from one run and round, and the first measured share of pairs in the right order lies outside the bounds. A
    critic of fresh weights alone orders pairs by chance, anywhere near a half: beside a generator that was loaded whole
    it is told of whatever its share.

    A generator that was trained without a critic first, as SRGAN's, begins just so, and the figures of a first round
    cannot tell it from a slip; the words say so. Nothing is told where the recipe shows that it is meant and the critic
    harmless: the generator is held, or its adversarial loss begins at weight 0 beside another loss. (Alone it would not
    do: an optimiser of Adam's kind steps as far for a small gradient.)

    Source: the notebook's remark that "G and D have to be in the same phase"; the bounds are proposals. Ledig et al.
    2017, "Photo-Realistic Single Image Super-Resolution Using a GAN", section 3.2, on generators trained before.
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
            if _eased_in(case, contest):
                continue
            sides = [_phases(case, name) for name in (contest.critic, contest.generator)]
            first = case.series(f"{contest.critic}/{contest.loss}/ranked")
            if sides[0] == sides[1] or len(first) != 1:
                continue
            knows_nothing = sides[0] == {_FRESH} and _FRESH not in sides[1]
            if self.least <= first.last <= self.most and not knows_nothing:
                continue
            told = [" and ".join(sorted(side)) for side in sides]
            loaded, waits = same_phase(case, contest), wait_for_critic(case, contest)
            yield Finding(
                f"{contest.critic} starts from {told[0]}, {contest.generator} from {told[1]}, and at load the critic "
                f"puts {first.last:.0%} of pairs in the right order{', by chance' if knows_nothing else ''}: they are "
                f"not in the same phase. {_LOAD if loaded else _WAIT}{_MEANT if knows_nothing else ''}",
                {"ranked": first.last},
                loaded or waits,
                f"{contest.critic}/{contest.loss}",
                others=(waits,) if loaded else (),
            )


def _eased_in(case: Case, contest: Contest) -> bool:
    """Whether the critic has no say at first, and something else has."""
    losses = case.recipe.players[str(contest.generator)].losses
    if contest.generator_loss is None or len(losses) < 2:
        return False
    return getattr(losses[contest.generator_loss].weight, "from_", None) == 0


def _phases(case: Case, player: str) -> set[str]:
    """Where the networks of a player come from, those that have weights of their own to load."""
    found = set()
    for name in case.recipe.players[player].trains:
        parent = case.parents.get(name)
        found.add(f"{parent['run']}@{parent['round']}" if parent else _FRESH)
    return found
