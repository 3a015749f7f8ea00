"""A component that raises while a run trains: named with its plugin, its place and the way on."""

from __future__ import annotations

import traceback
from contextlib import suppress
from typing import Any, NoReturn

from gan_recipe.components.registry import BARE, Registry
from gan_recipe.errors import RunError, ToldElsewhereError, UserError
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.toml_file import Key
from gan_recipe.runs.durable import replace_file
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

#: The file of a run's folder that holds the whole traceback.
FAILURE = "failure.txt"


class ComponentError(RunError):
    """A component of the recipe raised ``error``. A run tells more of it by ``failed``."""

    def __init__(self, key: Key, error: Exception, when: str) -> None:
        super().__init__(f"{'.'.join(key)} failed: {_first_line(error)}")
        self.key, self.error, self.when = key, error, when


def blame(error: Exception, *key: str, when: str = "") -> NoReturn:
    """Raise ComponentError for what ``key`` of the recipe raised; what is told already, as it is."""
    if isinstance(error, (RunError, UserError, ToldElsewhereError)):
        raise error
    raise ComponentError(key, error, when) from error


def raised(error: BaseException, component: object) -> str:
    """The error's first line; if it is no sentence that the component meant for a person, its type and its place."""
    text = str(error).strip().partition("\n")[0]
    if text and isinstance(error, (ValueError, RuntimeError, OSError)):
        return text
    return f"{_first_line(error)}{_place(error, component)}"


def failed(
    error: ComponentError, recipe: Recipe, registry: Registry, folder: RunFolder, round: int, *, writes: bool
) -> RunError:
    """What a person is told of a component that failed in ``round``; who ``writes`` keeps the traceback in the run."""
    cause, when = error.error, error.when or f"in round {round:,}"
    use, component = _stated(recipe, error.key)
    named, place = _named(use, registry), _place(cause, component)
    sentences = [f"{recipe.where(error.key)}: {named} failed {when}: {_first_line(cause)}{place}"]
    if writes:
        with suppress(OSError):  # the folder may be what failed it
            replace_file(folder.path / FAILURE, "".join(traceback.format_exception(cause)))
            sentences.append(f"The whole traceback is in {folder.path / FAILURE}")
    rounds = checkpoint_rounds(folder)
    state = f"The checkpoint of round {rounds[-1]:,} is kept" if rounds else "There is no checkpoint yet"
    way = "goes on from there" if rounds else "begins again"
    sentences.append(f"{state}: once that is mended, `gan-recipe run --resume {folder.name}` {way}")
    return RunError(". ".join(sentences))


def _first_line(error: BaseException) -> str:
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}{text and ': '}{text}"


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


def _place(error: BaseException, component: object) -> str:
    """The innermost frame in the component's own package, in brackets; nothing where there is none."""
    package = type(component).__module__.partition(".")[0]
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [each for each in frames if str(each[0].f_globals.get("__name__", "")).partition(".")[0] == package]
    if not own:
        return ""
    frame, line = own[-1]
    return f" ({frame.f_code.co_filename}:{line}, in {frame.f_code.co_name})"
