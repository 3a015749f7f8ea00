"""Other treatments than the first one, for recipes that can take them: balance, packing, adaptive augmentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gan_recipe import Case, Contest, Meeting

Lines = tuple[str, ...]

# Losses whose critic scores reals above 0 and fakes below: the sign says what it takes a sample for, which steers ada.
_CENTRED = ("bce_critic", "hinge_critic")
# ada's own pace, and the share of a run in which it may go all the way where that is less.
_IMAGES, _SHARE = 500_000, 0.1
# Losses that are handed the critic as a function of a sample: they can be handed another.
_PENALTIES = {"r1": ("real",), "r2": ("fake",), "wgan_gp": ("real", "fake")}


def balanced_by_pull(case: Case, player: str, meeting: Meeting, leader: str) -> tuple[Lines, ...]:
    """The player's losses held as loud as their weights say, the leader's being the sum of the others', where they meet
    in a value and none is lazy or has a ramp."""
    spec = case.recipe.players[player]
    others = [name for name in meeting.losses if name != leader and spec.losses[name].every == 1]
    if spec.balance is not None or meeting.value is None or not others or spec.losses[leader].every != 1:
        return ()
    weights = [weight for name in others if isinstance(weight := spec.losses[name].weight, float)]
    if len(weights) < len(others):
        return ()
    named = ", ".join(f'"{name}"' for name in others)
    balance = f'balance = {{ at = "{case.text(meeting.value)}", reference = "{leader}", losses = [{named}] }}'
    return ((f"[players.{player}]", f"losses.{leader}.weight = {sum(weights):g}", balance),)


def packed(case: Case, contest: Contest) -> tuple[Lines, ...]:
    """The critic judges two samples at once, in its own losses, the generator's and its penalties.

    Where other losses, values, sheets or metrics use the critic's networks, which would then have to judge pairs too,
    there are no such lines; nor where the critic sees something beside the sample, to be packed with it.
    """
    function = _of_one(case, contest)
    if "pack" in case.recipe.networks or function is None or case.recipe.run.batch % 2:
        return ()
    if any(spec.use == "pack" for spec in case.recipe.networks.values()):
        return ()
    inside = function.replace("_)", "pack(_))", 1) if "(" in function else f"{function}(pack(_))"
    if _scores_elsewhere(case, contest):
        return ()
    lines = _rewritten(case, contest, inside, inside, alone=True)
    return (("[networks]", 'pack = { use = "pack", samples = 2 }', *lines),) if lines else ()


def augmented(case: Case, contest: Contest) -> tuple[Lines, ...]:
    """Reals and fakes are augmented on their way to the critic: as strongly as it knows the reals, where its score
    says so, else always. Other losses of its networks see their samples as they are.

    For critics of images alone: one that sees something beside the sample would see it changed apart.
    """
    function, real = _of_one(case, contest), contest.real
    if function is None or real is None or contest.made is None or "augment" in case.recipe.networks:
        return ()
    if any(spec.use in ("ada", "diff_augment") for spec in case.recipe.networks.values()):
        return ()
    field = case.recipe.fields.get(real.name) if real.arguments is None else None
    if field is None or len(field.shape) != 3:
        return ()
    inside = function.replace("_)", "augment(_))", 1) if "(" in function else f"{function}(augment(_))"
    if case.recipe.players[contest.critic].losses[contest.loss].use in _CENTRED:
        over = max(1, int(_SHARE * case.recipe.run.rounds * case.recipe.run.batch))
        pace = f", over = {over}" if over < _IMAGES else ""
        augment, of_real = f'{{ use = "ada"{pace} }}', f"augment({inside})"
    else:
        augment, of_real = '{ use = "diff_augment" }', inside
    lines = _rewritten(case, contest, of_real, inside, alone=False)
    return (("[networks]", f"augment = {augment}", *lines),) if lines else ()


def _scores_elsewhere(case: Case, contest: Contest) -> bool:
    recipe, mine = case.recipe, set(contest.fake_score.networks)
    if contest.made is not None:
        mine -= set(contest.made.networks)
    nodes = [*recipe.values.values(), *recipe.columns]
    for metric in recipe.metrics.values():
        nodes += [*metric.reads.values(), *metric.examples.values(), *(metric.baseline or {}).values()]
    return any(node.networks & mine for node in nodes)


def _of_one(case: Case, contest: Contest) -> str | None:
    """The critic as a function of the sample and of nothing else."""
    function = case.function(contest)
    return None if function is None or "," in function else function


def _rewritten(case: Case, contest: Contest, of_real: str, of_fake: str, *, alone: bool) -> Lines:
    """Both sides' losses and the penalties with other functions for the scores; ``alone`` gives none where losses read
    anything else of the critic's networks."""
    if contest.real is None or contest.made is None or contest.generator_loss is None or contest.generator is None:
        return ()
    real, fake = case.text(contest.real), case.text(contest.made)
    scores = {contest.real_score: _filled(of_real, real), contest.fake_score: _filled(of_fake, fake)}
    mine = set(contest.fake_score.networks) - set(contest.made.networks)
    lines = []
    for player in case.recipe.players.values():
        of_player = []
        for loss in player.losses.values():
            if loss.use in _PENALTIES and all(name in loss.reads for name in _PENALTIES[loss.use]):
                if of_real != of_fake:
                    continue  # a penalty keeps the shape of its samples, and may look at them as they are
                of_player.append(f'losses.{loss.name}.critic = "{of_fake}"')
                continue
            touched = [node for node in (*loss.reads.values(), *loss.functions.values()) if node.networks & mine]
            if alone and any(node not in scores for node in touched):
                return ()
            for name, node in loss.reads.items():
                if node in scores:
                    of_player.append(f'losses.{loss.name}.{name} = "{scores[node]}"')
        if of_player:
            lines += [f"[players.{player.name}]", *of_player]
    return tuple(lines)


def _filled(function: str, sample: str) -> str:
    return function.replace("(_)", f"({sample})", 1)
