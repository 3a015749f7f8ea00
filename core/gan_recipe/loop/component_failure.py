"""What a person is told of a component that fails while a run trains: its plugin, its place and the way on."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any

from gan_recipe.components.failure import ComponentError, first_line, place_of
from gan_recipe.components.registry import BARE, Registry
from gan_recipe.errors import RunError
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.toml_file import Key
from gan_recipe.runs.durable import replace_file
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

#: The file of a run's folder that holds the whole traceback.
FAILURE = "failure.txt"


def failed(
    error: ComponentError, recipe: Recipe, registry: Registry, folder: RunFolder, round: int, *, writes: bool
) -> RunError:
    """What a person is told of a component that failed in ``round``; who ``writes`` keeps the traceback in the run."""
    cause, when = error.error, error.when or f"in round {round:,}"
    use, component = _stated(recipe, error.key)
    named, place = _named(use, registry), place_of(cause, component)
    sentences = [f"{recipe.where(error.key)}: {named} failed {when}: {first_line(cause)}{place}"]
    if writes:
        with suppress(OSError):  # the folder may be what failed it
            replace_file(folder.path / FAILURE, "".join(traceback.format_exception(cause)))
            sentences.append(f"The whole traceback is in {folder.path / FAILURE}")
    rounds = checkpoint_rounds(folder)
    state = f"The checkpoint of round {rounds[-1]:,} is kept" if rounds else "There is no checkpoint yet"
    way = "goes on from there" if rounds else "begins again"
    sentences.append(f"{state}: once that is mended, `gan-recipe run --resume {folder.name}` {way}")
    return RunError(". ".join(sentences))


def _named(use: str | None, registry: Registry) -> str:
    if use is None:
        return "its gradients or its step"
    namespace, _, _ = use.rpartition(".")
    plugin = registry.plugins.get(namespace or BARE)
    told = f" of the plugin {plugin.namespace!r} ({plugin.distribution})" if plugin and namespace else ""
    return f"{use!r}{told}"


def _stated(recipe: Recipe, key: Key) -> tuple[str | None, Any]:
    """What the recipe uses under ``key``, by name and as it was made; nothing for a player as a whole."""
    match key:
        case ("networks", name):
            return recipe.networks[name].use, recipe.networks[name].component
        case ("data", name):
            return recipe.data_use[name], recipe.data[name]
        case ("metrics", name):
            return recipe.metrics[name].use, recipe.metrics[name].component
        case ("players", player, "losses", name):
            loss = recipe.players[player].losses[name]
            return loss.use, loss.component
        case ("players", player, "constraints", name):
            constraint = recipe.players[player].constraints[name]
            return constraint.use, constraint.component
        case ("schedule",):
            return recipe.schedule_use, recipe.schedule
    return None, None
