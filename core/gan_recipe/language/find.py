"""Whatever is found that will not work: from the recipe alone, or with what the rehearsal has seen of it built."""

from __future__ import annotations

from collections.abc import Iterator

from gan_recipe.language import find_critics, find_lost_factors
from gan_recipe.language.evidence import Evidence, Seen
from gan_recipe.language.findings import RecipeFinding
from gan_recipe.language.recipe import Recipe


def find(recipe: Recipe, seen: Seen | None = None) -> tuple[RecipeFinding, ...]:
    """Everything that is found and not silenced, in the order of the recipe's networks, players and losses.

    Raises RecipeError for a component that fails when it is asked.
    """
    evidence = Evidence(recipe, seen or Seen())
    found = list(_mixed(evidence))
    for player in recipe.players.values():
        for loss in player.losses.values():
            found += find_critics.in_loss(evidence, player, loss)
            found += find_lost_factors.in_loss(evidence, player, loss)
            if what := evidence.seen.broadcasts.get(loss.key):
                found.append(evidence.finding("broadcast_in_loss", loss.key, what))
        found += find_critics.in_player(evidence, player)
    return tuple(dict.fromkeys(finding for finding in found if finding.name not in recipe.silenced))


def _mixed(evidence: Evidence) -> Iterator[RecipeFinding]:
    """Networks that concatenate the batches of their calls, and mix the samples."""
    standing = evidence.recipe.frozen_networks
    for name, network in evidence.recipe.networks.items():
        if not network.concat:
            continue
        if evidence.seen.norms:
            mixes = name in evidence.seen.mixing
        else:
            mixes = name not in standing and "batch" in evidence.norms(name)
        if mixes:
            yield evidence.finding(
                "concat_mixes",
                (*network.key, "concat"),
                f"{name} mixes the samples of a batch, as batch norm does, and would see the batches of several "
                "calls as one: reals and fakes, with statistics of neither. Leave concat out, or use norm layers "
                'of single samples, such as norm = "group"',
            )
