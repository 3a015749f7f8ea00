"""Cures by the adversarial losses and penalties on the critic's slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gan_recipe_plugins._pace_cures import FAR, lower_rates, rate_of, rates_of
from gan_recipe_plugins._recipe_lines import Lines, under

if TYPE_CHECKING:
    from gan_recipe import Case, Contest


def held_back(case: Case, contest: Contest) -> Lines:
    """A penalty on the critic's slope, and rates that meet in the middle where the critic's is far above."""
    lines = slope_penalty(case, contest)
    if contest.generator is None:
        return lines
    critic, generator = rates_of(case, contest.critic, contest.generator)
    if critic <= FAR * generator:
        return lines
    middle = f"optimizer.lr = {(critic * generator) ** 0.5:.2g}"
    return (*under(lines, f"[players.{contest.critic}]", middle), f"[players.{contest.generator}]", middle)


def many_modes(case: Case, contest: Contest) -> Lines:
    """Relativistic pairing with both penalties, and the generator's rate no higher than the critic's."""
    lines = pairing(case, contest)
    if contest.generator is None:
        return lines
    critic, generator = rates_of(case, contest.critic, contest.generator)
    if generator <= critic:
        return lines
    return under(lines, f"[players.{contest.generator}]", f"optimizer.lr = {critic:g}")


def unsaturated(case: Case, contest: Contest) -> Lines:
    """A critic that is held back, and the generator's loss in the form that does not saturate where it has one."""
    generator = case.recipe.players[str(contest.generator)]
    lines = held_back(case, contest)
    if not getattr(generator.losses[str(contest.generator_loss)].component, "saturating", False):
        return lines
    return under(lines, f"[players.{generator.name}]", f"losses.{contest.generator_loss}.saturating = false")


def slope_penalty(case: Case, contest: Contest, *, weight: float = 0.1) -> Lines:
    """R1 on the contest's critic: a new one of this weight, or ten times the one there is."""
    critic = case.recipe.players[contest.critic]
    for loss in critic.losses.values():
        if loss.use == "r1":
            former = loss.weight if isinstance(loss.weight, float) else loss.weight.to
            return (f"[players.{critic.name}]", f"losses.{loss.name}.weight = {10 * former:g}")
    penalty = _penalty(case, contest, "r1", "real", weight)
    return (f"[players.{critic.name}]", penalty) if penalty else ()


def pairing(case: Case, contest: Contest) -> Lines:
    """Relativistic losses on both sides, with R1 and R2; stronger penalties where that is so already, or where ``ada``
    steers by the sign of the scores, which such losses leave without a meaning."""
    critic = case.recipe.players[contest.critic]
    outermost = case.recipe.networks.get(contest.real_score.name)
    steered = outermost is not None and outermost.component.only_in_training
    if critic.losses[contest.loss].use == "relativistic_critic" or contest.generator_loss is None or steered:
        return slope_penalty(case, contest)
    its = case.recipe.players[str(contest.generator)].losses[contest.generator_loss]
    real, fake, made = map(case.text, (contest.real_score, contest.fake_score, its.reads["fake"]))
    factor = f", weight = {its.weight:g}" if isinstance(its.weight, float) and its.weight != 1 else ""
    penalties = [_penalty(case, contest, use, side) for use, side in (("r1", "real"), ("r2", "fake"))]
    return (
        f"[players.{contest.critic}]",
        f'losses.{contest.loss} = {{ use = "relativistic_critic", real = "{real}", fake = "{fake}" }}',
        *(penalty for penalty in penalties if penalty),
        f"[players.{contest.generator}]",
        f'losses.{its.name} = {{ use = "relativistic_generator", real = "{real}", fake = "{made}"{factor} }}',
    )


def bounded(case: Case, contest: Contest) -> Lines:
    """A bound for a critic that has none: the gradient penalty for Wasserstein's, R1 for any other."""
    critic = case.recipe.players[contest.critic]
    function = case.function(contest)
    if critic.losses[contest.loss].use != "wasserstein_critic":
        return slope_penalty(case, contest)
    if function is None or contest.real is None or contest.made is None:
        return lower_rates(case, 0.1)
    reads = f'critic = "{function}", real = "{case.text(contest.real)}", fake = "{case.text(contest.made)}"'
    penalty = f'losses.wgan_gp = {{ use = "wgan_gp", {reads}, weight = 1.0 }}'
    rates = [rate_of(player.optimizer.options) for player in case.recipe.players.values()]
    return (
        f"[players.{critic.name}]",
        f"optimizer.lr = {min(rates):g}",
        penalty,
        "[schedule]",
        'use = "n_critic"',
        f'critic = "{critic.name}"',
        "n = 3",
    )


def _penalty(case: Case, contest: Contest, use: str, side: str, weight: float = 0.1) -> str | None:
    function, samples = case.function(contest), contest.real if side == "real" else contest.made
    if function is None or samples is None:
        return None
    reads = f'critic = "{function}", {side} = "{case.text(samples)}"'
    return f'losses.{use} = {{ use = "{use}", {reads}, weight = {weight}, every = 4 }}'
