"""Observers: plugins whose hooks are told of a run's life."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from gan_recipe.errors import did_you_mean
from gan_recipe.hooks import PROJECT, Hooks
from gan_recipe.testing.trial import Failure, first_line


def check_observer(plugin: ModuleType | object, folder: Path) -> None:
    """Tell the plugin's hooks of a run in ``folder``: figures, a sheet, a verdict, the end; then of a run that fails.

    Raises Failure for a hook that does not exist, that asks for what it is not given, that raises, or that changes
    what it is told.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(Hooks)
    try:
        name = manager.register(plugin)
    except pluggy.PluginValidationError as error:
        raise Failure(
            first_line(error), "hooks with arguments that gan-recipe gives", "name those of the hook's own"
        ) from error
    known = [hook for hook in vars(Hooks) if hook.startswith(f"{PROJECT}_")]
    stated = [hook.name for hook in manager.get_hookcallers(plugin) or []]
    for hook in stated:
        if hook not in known:
            raise Failure(f"there is no hook {hook!r}.{did_you_mean(hook, known)}", "one of gan-recipe's", "rename it")
    if not [hook for hook in stated if hook != f"{PROJECT}_components"]:
        raise Failure(f"{name} has no hook", f"some of {', '.join(known)}", "put @hookimpl above the function")
    for outcome in ("done", "failed"):
        run = folder / outcome
        run.mkdir(parents=True, exist_ok=True)
        sheet = run / "round-000002.png"
        _picture(sheet)
        recipe = {"run": {"rounds": 2, "batch": 4}, "schedule": {"use": "together"}}
        _tell(manager, "run_started", folder=run, recipe=recipe)
        for round in (1, 2):
            _tell(manager, "logged", folder=run, round=round, values={"critic/gan": 0.5, "metrics/far": math.pi})
        _tell(manager, "sheet", folder=run, round=2, image=sheet)
        finding = {"told": "one loss leads", "figures": {"share": 0.97}, "cure": ["[players.critic]"]}
        _tell(manager, "verdict", folder=run, round=2, verdict="one_loss_leads", **finding)
        _tell(manager, "run_ended", folder=run, outcome=outcome)


def _tell(manager: pluggy.PluginManager, event: str, **what: Any) -> None:
    hook = f"{PROJECT}_{event}"
    before = {name: repr(value) for name, value in what.items()}
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        try:
            implementation.function(**{argument: what[argument] for argument in implementation.argnames})
        except Exception as error:
            raise Failure(
                f"{hook} raises {first_line(error)}",
                "no exception: an observer that raises is told nothing more",
                "guard what may fail, and go on",
            ) from error
    if before != {name: repr(value) for name, value in what.items()}:
        raise Failure(f"{hook} changes what it is told", "an observer that is told and does not steer", "copy first")


def _picture(path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (8, 8), (120, 60, 30)).save(path)
