"""Cures by the pace of the players: their rates, who moves when, and going back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gan_recipe_plugins._recipe_lines import Lines

if TYPE_CHECKING:
    from gan_recipe import Case, Contest

# Two rates further apart than this are more than two time scales: one player then moves against a standing target.
FAR = 5.0
# A rate that has become so many times as high is another training than the one that went well.
_RISEN = 2.0


def lower_rates(case: Case, factor: float) -> Lines:
    """The rates of all players times ``factor``, falling to 0 at the run's end where they had another schedule."""
    lines: list[str] = []
    for name in case.recipe.players:
        lines += lower_rate(case, name, factor)
    return tuple(lines)


def lower_rate(case: Case, player: str, factor: float, most: float = float("inf")) -> Lines:
    """The player's rate times ``factor``, at most ``most``, falling to 0 where it had another schedule."""
    spec = case.recipe.players[player]
    lines = [f"[players.{player}]", f"optimizer.lr = {min(factor * rate_of(spec.optimizer.options), most):g}"]
    if spec.lr_schedule is not None:
        lines.append(f'lr_schedule = {{ use = "cosine", T_max = {case.recipe.run.rounds} }}')
    return tuple(lines)


def slowed(case: Case, player: str) -> Lines:
    """A tenth of the player's rate, and no more than the two time scales allow where others have lower ones."""
    others = [rate_of(each.optimizer.options) for name, each in case.recipe.players.items() if name != player]
    return lower_rate(case, player, 0.1, FAR * min(others, default=float("inf")))


def smaller_steps(case: Case, contest: Contest, factor: float) -> Lines:
    """The generator's rate times ``factor``, and no higher than its critic's."""
    if contest.generator is None:
        return lower_rates(case, factor)
    return lower_rate(case, contest.generator, factor, rate_of(case.recipe.players[contest.critic].optimizer.options))


def rates_held(case: Case, since: int, until: int) -> Lines:
    """The rates of the players whose schedule has raised them after a good while, held where they stood in it.

    Rounds ``since`` to ``until`` are the good while; no lines where no rate has risen much since.
    """
    lines: list[str] = []
    for name, player in case.recipe.players.items():
        rates = case.series(f"{name}/rate")
        former = [rate for round, rate in zip(rates.rounds, rates.values, strict=True) if since <= round <= until]
        if former and player.lr_schedule is not None and max(rates.since(until).values, default=0) > _RISEN * former[0]:
            lines += [
                f"[players.{name}]",
                f"optimizer.lr = {former[0]:.3g}",
                'lr_schedule = { use = "constant", factor = 1.0 }',
            ]
    return tuple(lines)


def gone_back(case: Case, verdict: str, *, factor: float = 0.1) -> Lines:
    """Back to the last checkpoint before it came apart, with rates times ``factor``, twice at most."""
    if case.recipe.recovery is not None:
        return ()
    return (
        "[recovery]",
        f'on = ["{verdict}"]',
        "times = 2",
        "new_order = true",
        f'multiply = {{ "players.*.optimizer.lr" = {factor:g} }}',
    )


def equal_pace(case: Case, contest: Contest) -> Lines:
    """The critic moves in every round, at no lower a rate than the generator's."""
    mine = case.recipe.players[contest.critic].optimizer.options
    theirs = case.recipe.players[contest.generator].optimizer.options if contest.generator else mine
    rate = max(4 * rate_of(mine), rate_of(theirs))
    lines = [f"[players.{contest.critic}]", f"optimizer.lr = {rate:g}"]
    if case.recipe.schedule_use != "together":
        lines += ["[schedule]", 'use = "together"']
    return tuple(lines)


def wait_for_critic(case: Case, contest: Contest) -> Lines:
    """The generator is held for the first rounds."""
    rounds = max(1, min(500, case.recipe.run.rounds // 5))
    return (
        "[schedule]",
        'use = "every"',
        f"periods = {{ {contest.critic} = 1 }}",
        f"starts = {{ {contest.generator} = {rounds} }}",
    )


def rates_of(case: Case, *players: str) -> list[float]:
    return [rate_of(case.recipe.players[name].optimizer.options) for name in players]


def rate_of(options: Mapping[str, Any]) -> float:
    return float(options["lr"])
