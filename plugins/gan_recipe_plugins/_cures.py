"""Recipe lines that treat a failure, written for the recipe that has it: a recipe that extends it states them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_recipe import Case, Contest

Lines = tuple[str, ...]
# A value of the recipe, as contests hold them: its name, its arguments, and the networks that it depends on.
Node = Any

# Two rates further apart than this are more than two time scales: one player then moves against a standing target.
_FAR = 5.0
# A loss that led is given half of what the others have together: with as much as these, one that pulls towards the
# mean of what is real still left clusters empty (docs/doctor.md).
LED = 0.5
# A rate that has become so many times as high is another training than the one that went well.
_RISEN = 2.0


def held_back(case: Case, contest: Contest) -> Lines:
    """A penalty on the critic's slope, and rates that meet in the middle where the critic's is far above."""
    lines = slope_penalty(case, contest)
    if contest.generator is None:
        return lines
    critic, generator = _rates(case, contest.critic, contest.generator)
    if critic <= _FAR * generator:
        return lines
    middle = f"optimizer.lr = {(critic * generator) ** 0.5:.2g}"
    return (*_under(lines, f"[players.{contest.critic}]", middle), f"[players.{contest.generator}]", middle)


def many_modes(case: Case, contest: Contest) -> Lines:
    """Relativistic pairing with both penalties, and the generator's rate no higher than the critic's."""
    lines = pairing(case, contest)
    if contest.generator is None:
        return lines
    critic, generator = _rates(case, contest.critic, contest.generator)
    if generator <= critic:
        return lines
    return _under(lines, f"[players.{contest.generator}]", f"optimizer.lr = {critic:g}")


def _under(lines: Lines, table: str, line: str) -> Lines:
    """The lines with one more in ``table``, which is added at the end where it is not there."""
    if table not in lines:
        return (*lines, table, line)
    at = lines.index(table) + 1
    return (*lines[:at], line, *lines[at:])


def unsaturated(case: Case, contest: Contest) -> Lines:
    """A critic that is held back, and the generator's loss in the form that does not saturate where it has one."""
    generator = case.recipe.players[str(contest.generator)]
    lines = held_back(case, contest)
    if not getattr(generator.losses[str(contest.generator_loss)].component, "saturating", False):
        return lines
    return _under(lines, f"[players.{generator.name}]", f"losses.{contest.generator_loss}.saturating = false")


def slope_penalty(case: Case, contest: Contest, *, weight: float = 0.1) -> Lines:
    """R1 on the contest's critic: a new one of this weight, or ten times the one there is."""
    critic = case.recipe.players[contest.critic]
    for loss in critic.losses.values():
        if loss.use == "r1":
            former = loss.weight if isinstance(loss.weight, float) else loss.weight.to
            return (f"[players.{critic.name}]", f"losses.{loss.name}.weight = {10 * former:g}")
    penalty = _penalty(case, contest, "r1", "real", weight)
    return (f"[players.{critic.name}]", penalty) if penalty else ()


def more_data(case: Case, contest: Contest) -> Lines:
    """What the data of the contest's reals says would give more of them; none where it has no more."""
    fields = case.fields_of(contest.real) if contest.real is not None else ()
    lines: list[str] = []
    for source in dict.fromkeys(name.partition(".")[0] for name in fields):
        if more := case.recipe.data[source].more():
            # What JSON writes of a number or of a line of text is TOML as well.
            stated = [f"{name} = {json.dumps(value, ensure_ascii=False)}" for name, value in more.items()]
            lines += [f"[data.{source}]", *stated]
    return tuple(lines)


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
    rates = [_rate(player.optimizer.options) for player in case.recipe.players.values()]
    return (
        f"[players.{critic.name}]",
        f"optimizer.lr = {min(rates):g}",
        penalty,
        "[schedule]",
        'use = "n_critic"',
        f'critic = "{critic.name}"',
        "n = 3",
    )


def lower_rates(case: Case, factor: float) -> Lines:
    """The rates of all players times ``factor``, falling to 0 at the run's end where they had another schedule."""
    lines: list[str] = []
    for name in case.recipe.players:
        lines += lower_rate(case, name, factor)
    return tuple(lines)


def lower_rate(case: Case, player: str, factor: float, most: float = float("inf")) -> Lines:
    """The player's rate times ``factor``, at most ``most``, falling to 0 where it had another schedule."""
    spec = case.recipe.players[player]
    lines = [f"[players.{player}]", f"optimizer.lr = {min(factor * _rate(spec.optimizer.options), most):g}"]
    if spec.lr_schedule is not None:
        lines.append(f'lr_schedule = {{ use = "cosine", T_max = {case.recipe.run.rounds} }}')
    return tuple(lines)


def slowed(case: Case, player: str) -> Lines:
    """A tenth of the player's rate, and no more than the two time scales allow where others have lower ones."""
    others = [_rate(each.optimizer.options) for name, each in case.recipe.players.items() if name != player]
    return lower_rate(case, player, 0.1, _FAR * min(others, default=float("inf")))


def smaller_steps(case: Case, contest: Contest, factor: float) -> Lines:
    """The generator's rate times ``factor``, and no higher than its critic's."""
    if contest.generator is None:
        return lower_rates(case, factor)
    return lower_rate(case, contest.generator, factor, _rate(case.recipe.players[contest.critic].optimizer.options))


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
    rate = max(4 * _rate(mine), _rate(theirs))
    lines = [f"[players.{contest.critic}]", f"optimizer.lr = {rate:g}"]
    if case.recipe.schedule_use != "together":
        lines += ["[schedule]", 'use = "together"']
    return tuple(lines)


def balanced(case: Case, player: str, loss: str, share: float, of_others: float = 1.0) -> Lines:
    """The weight with which a loss has ``of_others`` times the norm of all others together; norms go with weights."""
    weight = case.recipe.players[player].losses[loss].weight
    if not isinstance(weight, float) or share >= 1:
        return ()
    return (f"[players.{player}]", f"losses.{loss}.weight = {of_others * weight * (1 - share) / share:.3g}")


def labelled_image(case: Case, player: str, loss: str) -> Lines:
    """The head shown the image that its labels are of, in place of another of the same source: the one that shows what
    they tell, by the data's word, and that the recipe reads already. No lines where there are several, or none."""
    reads, fields = case.recipe.players[player].losses[loss].reads, case.recipe.fields
    told, source = fields[reads["labels"].name].factors, reads["labels"].name.partition(".")[0]
    images = {name: each for name, each in fields.items() if name.startswith(f"{source}.") and len(each.shape) == 3}
    seen = [name for name in case.fields_of(reads["logits"]) if name in images]
    if not told or len(seen) != 1:
        return ()
    losses = [each for other in case.recipe.players.values() for each in other.losses.values()]
    read = {name for each in losses for node in each.reads.values() for name in case.fields_of(node)}
    shows = [
        name
        for name, each in images.items()
        if name in {*read, *seen} and each.shape == images[seen[0]].shape and told <= (each.factors or frozenset())
    ]
    if len(shows) != 1 or shows == seen:
        return ()
    old, new = (name.partition(".")[2] for name in (*seen, *shows))

    def shown(node: Node) -> str:
        if node.arguments is not None:
            return f"{node.name}({', '.join(map(shown, node.arguments))})"
        text = case.text(node)
        return text.removesuffix(old) + new if node.name == seen[0] else text

    return (f"[players.{player}]", f'losses.{loss}.logits = "{shown(reads["logits"])}"')


def other_labels(case: Case, player: str, loss: str) -> Lines:
    """The one other label of as many classes that the data has, for a loss that cannot learn its own; none that is
    always the same, which teaches nothing."""
    labels = case.recipe.players[player].losses[loss].reads["labels"]
    classes = case.recipe.fields[labels.name].classes
    source = labels.name.partition(".")[0]
    others = [
        name
        for name, field in case.recipe.fields.items()
        if field.classes == classes
        and name != labels.name
        and name.startswith(f"{source}.")
        and field.factors != frozenset()
    ]
    if len(others) != 1:
        return ()
    return (f"[players.{player}]", f'losses.{loss}.labels = "{others[0].partition(".")[2]}"')


def same_phase(case: Case, contest: Contest) -> Lines:
    """One side of the contest loaded from where the other was, the generator's before the critic's; no lines where the
    other is not of one run and round, or that has no such networks."""
    for loaded, other in ((contest.generator, contest.critic), (contest.critic, contest.generator)):
        theirs, mine = (case.recipe.players[str(player)].trains for player in (loaded, other))
        parents = [case.parents.get(name, {}) for name in theirs]
        phases = {(parent.get("run"), parent.get("round")) for parent in parents}
        if len(phases) > 1 or not set(mine) <= set(parents[0].get("fitting", ())):
            continue
        start = str(case.recipe.networks[theirs[0]].start).partition(":")[0]
        return tuple(line for name in mine for line in (f"[networks.{name}]", f"start = {json.dumps(start)}"))
    return ()


def wait_for_critic(case: Case, contest: Contest) -> Lines:
    """The generator is held for the first rounds."""
    rounds = max(1, min(500, case.recipe.run.rounds // 5))
    return (
        "[schedule]",
        'use = "every"',
        f"periods = {{ {contest.critic} = 1 }}",
        f"starts = {{ {contest.generator} = {rounds} }}",
    )


def _penalty(case: Case, contest: Contest, use: str, side: str, weight: float = 0.1) -> str | None:
    function, samples = case.function(contest), contest.real if side == "real" else contest.made
    if function is None or samples is None:
        return None
    reads = f'critic = "{function}", {side} = "{case.text(samples)}"'
    return f'losses.{use} = {{ use = "{use}", {reads}, weight = {weight}, every = 4 }}'


def _rates(case: Case, *players: str) -> list[float]:
    return [_rate(case.recipe.players[name].optimizer.options) for name in players]


def _rate(options: Mapping[str, Any]) -> float:
    return float(options["lr"])
