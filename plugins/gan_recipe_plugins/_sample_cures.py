"""Cures by what is done to samples on their way to the critic: packing, and augmentation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gan_recipe_plugins._recipe_lines import Lines, Node, call

if TYPE_CHECKING:
    from gan_recipe import Case, Contest

# Losses whose critic scores reals above 0 and fakes below: the sign says what it takes a sample for, which steers ada.
_CENTRED = ("bce_critic", "hinge_critic")
# ada's own pace, and the share of a run in which it may go all the way where that is less.
_IMAGES, _SHARE = 500_000, 0.1
# Losses that are handed the critic as a function of a sample: they can be handed another.
_PENALTIES = ("r1", "r2", "wgan_gp")


def packed(case: Case, contest: Contest) -> tuple[Lines, ...]:
    """The critic judges two samples at once, in its own losses, the generator's and its penalties.

    Where other losses, values, sheets or metrics use the critic's networks, which would then have to judge pairs too,
    there are no such lines; nor where the critic sees something beside the sample, to be packed with it.
    """
    if "pack" in case.recipe.networks or not _of_one(case, contest) or case.recipe.run.batch % 2:
        return ()
    if any(spec.use == "pack" for spec in case.recipe.networks.values()) or _scores_elsewhere(case, contest):
        return ()

    def of_pair(node: Node) -> str:
        return call(node, of_pair) if node.networks & _critics(case, contest) else f"pack({case.text(node)})"

    lines = _rewritten(case, contest, of_pair, of_pair, alone=True)
    return (("[networks]", 'pack = { use = "pack", samples = 2 }', *lines),) if lines else ()


def augmented(case: Case, contest: Contest) -> tuple[Lines, ...]:
    """Reals and fakes are augmented on their way to the critic: as strongly as it knows the reals, where its score
    says so, else always. Other losses of its networks see their samples as they are.

    For critics of images alone: one that sees something beside the sample would see it changed apart.
    """
    real, networks = contest.real, case.recipe.networks
    if not _of_one(case, contest) or real is None or contest.made is None or "augment" in networks:
        return ()
    if any(spec.use in ("ada", "diff_augment") for spec in networks.values()):
        return ()
    field = case.recipe.fields.get(real.name) if real.arguments is None else None
    if field is None or len(field.shape) != 3:
        return ()

    def of_image(node: Node) -> str:
        if node.networks & _critics(case, contest):
            return call(node, of_image)
        # Single images are augmented, before a pack, and anew each time that a pool hands one on.
        is_image = node in (contest.made, real) or node.arguments is None
        is_image = is_image or networks[node.name].component.only_in_training
        return f"augment({case.text(node)})" if is_image else call(node, of_image)

    if case.recipe.players[contest.critic].losses[contest.loss].use in _CENTRED:
        over = max(1, int(_SHARE * case.recipe.run.rounds * case.recipe.run.batch))
        pace = f", over = {over}" if over < _IMAGES else ""
        augment = f'{{ use = "ada"{pace} }}'
        lines = _rewritten(case, contest, lambda node: f"augment({of_image(node)})", of_image, alone=False)
    else:
        augment = '{ use = "diff_augment" }'
        lines = _rewritten(case, contest, of_image, of_image, alone=False)
    return (("[networks]", f"augment = {augment}", *lines),) if lines else ()


def _critics(case: Case, contest: Contest) -> frozenset[str]:
    """The networks by which the contest's critic tells the two apart."""
    return contest.fake_score.networks & set(case.recipe.players[contest.critic].trains)


def _scores_elsewhere(case: Case, contest: Contest) -> bool:
    recipe, mine = case.recipe, _critics(case, contest)
    nodes = [*recipe.values.values(), *recipe.columns]
    for metric in recipe.metrics.values():
        nodes += [*metric.reads.values(), *metric.examples.values(), *(metric.baseline or {}).values()]
    return any(node.networks & mine for node in nodes)


def _of_one(case: Case, contest: Contest) -> bool:
    """Whether the critic is a function of the sample and of nothing else."""
    function = case.function(contest)
    return function is not None and "," not in function


def _rewritten(
    case: Case, contest: Contest, of_real: Callable[[Node], str], of_fake: Callable[[Node], str], *, alone: bool
) -> Lines:
    """Both sides' losses and the penalties with other scores, each written anew; ``alone`` gives none where losses read
    anything else of the critic's networks."""
    if contest.real is None or contest.made is None or contest.generator_loss is None or contest.generator is None:
        return ()
    its = case.recipe.players[contest.generator].losses[contest.generator_loss].reads["fake"]
    scores = {contest.real_score: of_real(contest.real_score)}
    scores |= {node: of_fake(node) for node in (contest.fake_score, its)}
    mine = _critics(case, contest)
    lines = []
    for player in case.recipe.players.values():
        of_player = []
        for loss in player.losses.values():
            if loss.use in _PENALTIES:
                if of_real is of_fake and loss.functions["critic"].networks & mine:
                    of_player.append(f'losses.{loss.name}.critic = "{of_fake(loss.functions["critic"])}"')
                continue  # any other keeps the shape of its samples, and may look at them as they are
            touched = [node for node in (*loss.reads.values(), *loss.functions.values()) if node.networks & mine]
            if alone and any(node not in scores for node in touched):
                return ()
            for name, node in loss.reads.items():
                if node in scores:
                    of_player.append(f'losses.{loss.name}.{name} = "{scores[node]}"')
        if of_player:
            lines += [f"[players.{player.name}]", *of_player]
    return tuple(lines)
