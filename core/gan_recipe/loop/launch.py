"""How a run begins: new, resumed, or whichever of the two it takes."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gan_recipe.components.registry import Registry
from gan_recipe.distributed.processes import Processes, by_first, together
from gan_recipe.distributed.unwritten_folder import UnwrittenFolder
from gan_recipe.engine.checkpoint_size import checkpoint_size
from gan_recipe.engine.freed_memory import keep_freed_memory
from gan_recipe.engine.hardware import chosen_device, use_available_cores
from gan_recipe.engine.journal import Screen
from gan_recipe.engine.training import Training
from gan_recipe.errors import UserError
from gan_recipe.health.going_back import carry_out, order, restored
from gan_recipe.language.findings import refuse
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import plain
from gan_recipe.loop.train import Outcome, carry_out_run
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.changed_weights import ramped
from gan_recipe.runs.check_recipe import check_run
from gan_recipe.runs.checkpoint import Checkpoint
from gan_recipe.runs.disk_use import see_that_there_is_room
from gan_recipe.runs.lineage import changes_against, code_versions
from gan_recipe.runs.new_run import check_new, new_run
from gan_recipe.runs.recoveries import recoveries
from gan_recipe.runs.run_folder import (
    RunFolder,
    checkpoint_rounds,
    description_text,
    find_run,
    now,
    runs_named,
    runs_root,
)
from gan_recipe.runs.versions import changes, versions
from gan_recipe.runs.warm_start import existing


def start(
    recipe: Recipe,
    registry: Registry,
    screen: Screen,
    *,
    name: str | None = None,
    device: str = "auto",
    strict: bool = False,
    resume_or_start: bool = False,
    root: Path | None = None,
    processes: Processes | None = None,
    told: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train a new run, in ``root`` or where runs are. Nothing is written before it has been built and rehearsed.

    Findings are said first; those that can never be meant, and all when ``strict``, raise RecipeError instead.
    ``told`` is added to ``run.json``, such as the sweep that the run belongs to.

    With ``resume_or_start`` the newest run of this very recipe goes on instead, where there is one: it is the same
    command for a job's first start and for every restart.
    """
    name = recipe.name if name is None else name
    if resume_or_start:
        check_new(name, may_exist=True)
        if (outcome := _gone_on(recipe, registry, screen, name, device, processes)) is not None:
            return outcome
    check_new(name)
    threads = use_available_cores()
    keep_freed_memory()
    recipe, changed = ramped(recipe)
    for sentence in changed:
        screen.say(sentence)
    screen.say(f"building and rehearsing {recipe.file.shown}")

    def build() -> Training:
        built = Training(recipe, chosen_device(device, processes), processes, say=screen.say)
        refuse(built.findings, strict=strict)
        return built

    training = together(processes, build)
    for finding in training.findings:
        screen.say(f"warning: {finding}")
    changes = changes_against(recipe, name, registry)
    description = {**_describe(training, registry, threads), "changes": changes, **(told or {})}
    written = {"recipe.toml": plain(recipe.resolved_tables), "run.json": description_text(description)}
    made: list[RunFolder] = []

    def make() -> tuple[str, int]:
        size = checkpoint_size(training)
        see_that_there_is_room(recipe, size, root or runs_root())
        made.append(new_run(name, written, root))
        return str(made[0].path), size

    path, size = by_first(processes, make)
    folder: RunFolder = made[0] if made else UnwrittenFolder(Path(path))
    return carry_out_run(training, registry, folder, description, screen, first=0, size=size)


def _gone_on(
    recipe: Recipe, registry: Registry, screen: Screen, name: str, device: str, processes: Processes | None
) -> Outcome | None:
    """Go on with the newest run of this very recipe, if there is one; one that is done is told as it ended.

    Runs of the same name whose recipe differs, overrides included, are other runs and are left alone.
    """
    path = by_first(processes, lambda: str(found.path) if (found := _newest_run_of(recipe, name)) else None)
    if path is None:
        return None
    folder = RunFolder(Path(path))
    ended = folder.describe()
    if ended.get("outcome") == "done":
        screen.say(f"{folder.name} is done already")
        return Outcome(folder, "done", ended["rounds"], ended.get("figures", {}), ended.get("baseline", {}))
    return resume(str(folder.path), registry, screen, device=device, processes=processes)


def _newest_run_of(recipe: Recipe, name: str) -> RunFolder | None:
    text = plain(recipe.resolved_tables)
    stated, _, number = name.partition("/")
    for folder in reversed(runs_named(stated)):
        if number and int(number) != int(folder.path.name):
            continue
        try:
            same = folder.recipe.read_text(encoding="utf-8") == text
        except (OSError, ValueError):
            same = False
        if same:
            return folder
    return None


def resume(
    stated: str, registry: Registry, screen: Screen, *, device: str = "auto", processes: Processes | None = None
) -> Outcome:
    """Go on with a run from its newest sound checkpoint."""
    found: list[tuple[RunFolder, Checkpoint | None]] = []

    def find() -> tuple[str, int | None]:
        folder, checkpoint = _last_state(stated, screen)
        found.append((folder, checkpoint))
        return str(folder.path), checkpoint.round if checkpoint else None

    path, round = by_first(processes, find)
    if not found:
        theirs = UnwrittenFolder(Path(path))
        found.append((theirs, checkpoints.load(theirs, round) if round is not None else None))
    folder, checkpoint = found[0]
    description = folder.describe()
    recipe = together(
        processes,
        # A checkpoint holds all weights: the run that they once came from may be gone.
        lambda: check_run(folder, registry, starts=None if checkpoint else existing),
    )
    use_available_cores()
    keep_freed_memory()

    def build() -> Training:
        where, times = chosen_device(device, processes), len(recoveries(folder))
        return Training(recipe, where, processes, order=order(folder), recoveries=times, say=screen.say)

    training = together(processes, build)
    for sentence in changes(description.get("versions", {}), versions(registry, torch.__version__)):
        screen.say(f"{sentence}; it goes on with that")
    if description["data"] != training.stream.fingerprints:
        screen.say("the data is not what this run began with; it goes on with the data as it is now")
    first = checkpoint.round if checkpoint else 0
    if checkpoint:
        restored(training, folder, checkpoint)

    def cut_back() -> int:
        size = checkpoint_size(training)
        see_that_there_is_room(recipe, size, folder.path, already=len(checkpoint_rounds(folder)))
        if checkpoint:
            checkpoints.set_aside(folder, first)
        for sentence in folder.cut_back(checkpoint.state["lengths"] if checkpoint else {}):
            screen.say(sentence)
        return size

    size = by_first(processes, cut_back)
    return carry_out_run(training, registry, folder, description, screen, first=first, size=size)


def _last_state(stated: str, screen: Screen) -> tuple[RunFolder, Checkpoint | None]:
    """The run, locked, and the newest checkpoint that is sound; None before the first."""
    folder = find_run(stated)
    description = folder.describe()
    folder.lock()
    if description.get("outcome") == "done":
        raise UserError(
            f"{folder.name} is done: it has trained its {description['rounds']:,} rounds. "
            "To train on from its weights, with fresh optimisers: "
            f"gan-recipe run RECIPE -s 'networks.*.start={folder.name}' -s run.rounds=N"
        )
    checkpoints.sweep(folder)
    carry_out(folder)
    checkpoint = None
    if checkpoint_rounds(folder):
        checkpoint, skipped = checkpoints.load_newest(folder)
        for sentence in skipped:
            screen.say(sentence)
        screen.say(f"building {folder.name} as it was before round {checkpoint.round:,}")
    else:
        screen.say(f"{folder.name} was stopped before its first checkpoint: it begins again")
    return folder, checkpoint


def _describe(training: Training, registry: Registry, threads: int) -> dict[str, Any]:
    recipe = training.recipe
    return {
        "recipe": recipe.file.shown,
        "started": now(),
        "rounds": recipe.run.rounds,
        "scale": recipe.run.scale,
        "parents": training.origins.runs,
        "weights_files": training.origins.files,
        "data": training.stream.fingerprints,
        "precision": "bf16" if training.bf16 else "float32",
        "device": torch.cuda.get_device_name() if training.device.startswith("cuda") else platform.machine(),
        "versions": versions(registry, torch.__version__),
        "code": code_versions(registry),
        "threads": threads,
        "command": sys.argv[1:],
    }
