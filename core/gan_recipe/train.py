"""Training a recipe into a run folder: new runs, resumed runs, and the loop."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from attrs import frozen

from gan_recipe import checkpoint as checkpoints
from gan_recipe.changed_weights import ramped
from gan_recipe.check import check_run
from gan_recipe.checkpoint import Checkpoint
from gan_recipe.checkpoint_size import checkpoint_size
from gan_recipe.component_failure import FAILURE, ComponentError, failed
from gan_recipe.consequences import Consequences
from gan_recipe.disk_use import foretold, see_that_there_is_room
from gan_recipe.doctor import Doctor
from gan_recipe.errors import Problem, RecipeError, RunError, UserError
from gan_recipe.evaluate import measure
from gan_recipe.findings import refuse
from gan_recipe.going_back import GoBack, carry_out, decide, order, restored, trained_anew
from gan_recipe.journal import LATE, Journal, Screen
from gan_recipe.lineage import changes_against, code_versions
from gan_recipe.new_run import check_new, new_run
from gan_recipe.observers import Observers
from gan_recipe.processes import Processes, by_first, together
from gan_recipe.recipe import Recipe
from gan_recipe.recipe_file import plain
from gan_recipe.recovery import is_regular, recoveries, within_reach
from gan_recipe.registry import Registry
from gan_recipe.report import report_at_end
from gan_recipe.run_folder import RunFolder, checkpoint_rounds, description_text, find_run, now, runs_named, runs_root
from gan_recipe.sheet import write_sheet
from gan_recipe.stopping import BY_VERDICT, Stop, asked_to_stop
from gan_recipe.training import Training, use_available_cores
from gan_recipe.unwritten_folder import UnwrittenFolder
from gan_recipe.versions import changes, versions
from gan_recipe.warm_start import existing


@frozen
class Outcome:
    """How a run ended."""

    folder: RunFolder
    #: "done", or "stopped" when somebody asked for it.
    how: str
    round: int
    #: The metrics at the end, and as they were before anything was learned, where a baseline is stated.
    figures: Mapping[str, float]
    baseline: Mapping[str, float]
    #: The signal that stopped it, or stopping.BY_VERDICT.
    signal: int | None = None
    #: The verdict that did, in words.
    why: str = ""


def start(
    recipe: Recipe,
    registry: Registry,
    screen: Screen,
    *,
    name: str | None = None,
    device: str = "auto",
    strict: bool = False,
    root: Path | None = None,
    processes: Processes | None = None,
    told: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train a new run, in ``root`` or where runs are. Nothing is written before it has been built and rehearsed.

    Findings are said first; those that can never be meant, and all when ``strict``, raise RecipeError instead.
    ``told`` is added to ``run.json``, such as the sweep that the run belongs to.
    """
    check_new(name or recipe.name)
    _refuse_processes(recipe, processes)
    threads = use_available_cores()
    recipe, changed = ramped(recipe)
    for sentence in changed:
        screen.say(sentence)
    screen.say(f"building and rehearsing {recipe.file.shown}")

    def build() -> Training:
        built = Training(recipe, chosen_device(device, processes), processes)
        refuse(built.findings, strict=strict)
        return built

    training = together(processes, build)
    for finding in training.findings:
        screen.say(f"warning: {finding}")
    changes = changes_against(recipe, name or recipe.name, registry)
    description = {**_describe(training, registry, threads), "changes": changes, **(told or {})}
    written = {"recipe.toml": plain(recipe.resolved_tables), "run.json": description_text(description)}
    made: list[RunFolder] = []

    def make() -> str:
        see_that_there_is_room(recipe, checkpoint_size(training), root or runs_root())
        made.append(new_run(name or recipe.name, written, root))
        return str(made[0].path)

    path = by_first(processes, make)
    folder: RunFolder = made[0] if made else UnwrittenFolder(Path(path))
    return _run(training, registry, folder, description, screen, first=0)


def resume_or_start(
    recipe: Recipe,
    registry: Registry,
    screen: Screen,
    *,
    name: str | None = None,
    device: str = "auto",
    strict: bool = False,
    processes: Processes | None = None,
    told: Mapping[str, Any] | None = None,
) -> Outcome:
    """Go on with the newest run of this very recipe, or start one; one that is done is told as it ended.

    It is the same command for a job's first start and for every restart. Runs of the same name whose recipe differs,
    overrides included, are other runs and are left alone.
    """
    stated = name or recipe.name
    check_new(stated, may_exist=True)
    path = by_first(processes, lambda: str(found.path) if (found := _newest_run_of(recipe, stated)) else None)
    if path is None:
        return start(recipe, registry, screen, name=name, device=device, strict=strict, processes=processes, told=told)
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
    _refuse_processes(recipe, processes)
    use_available_cores()
    gone_back = {"order": order(folder), "recoveries": len(recoveries(folder))}
    training = together(processes, lambda: Training(recipe, chosen_device(device, processes), processes, **gone_back))
    for sentence in changes(description.get("versions", {}), versions(registry, torch.__version__)):
        screen.say(f"{sentence}; it goes on with that")
    if description["data"] != training.stream.fingerprints:
        screen.say("the data is not what this run began with; it goes on with the data as it is now")
    first = checkpoint.round if checkpoint else 0
    if checkpoint:
        restored(training, folder, checkpoint)

    def cut_back() -> None:
        already = len(checkpoint_rounds(folder))
        see_that_there_is_room(recipe, checkpoint_size(training), folder.path, already=already)
        if checkpoint:
            checkpoints.set_aside(folder, first)
        for sentence in folder.cut_back(checkpoint.state["lengths"] if checkpoint else {}):
            screen.say(sentence)

    by_first(processes, cut_back)
    return _run(training, registry, folder, description, screen, first=first)


def _last_state(stated: str, screen: Screen) -> tuple[RunFolder, Checkpoint | None]:
    """The run, locked, and the newest checkpoint that is sound; None before the first."""
    folder = find_run(stated)
    description = folder.describe()
    folder.lock()
    if description.get("outcome") == "done":
        raise UserError(
            f"{folder.name} is done: it has trained its {description['rounds']:,} rounds. "
            f'To train on from its weights, state start = "{folder.name}" on the networks of a new recipe'
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


def _refuse_processes(recipe: Recipe, processes: Processes | None) -> None:
    if recipe.recovery and processes is not None:
        where = recipe.file.origin(("recovery",)).where
        what = "going back is for a run of one process: several would each have seen another part of the failure"
        raise RecipeError([Problem(where, "recovery", what)])


def chosen_device(stated: str, processes: Processes | None = None) -> str:
    """``auto`` takes a GPU when there is one. Raises UserError for one that is not there."""
    if processes is not None:
        stated = processes.device(stated)
    if stated == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=stated)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"the device {stated!r} cannot be used: {str(error).partition(chr(10))[0]}") from None
    return stated


def _run(
    training: Training,
    registry: Registry,
    folder: RunFolder,
    description: dict[str, Any],
    screen: Screen,
    *,
    first: int,
) -> Outcome:
    processes = training.processes
    training.join()
    writes = processes is None or processes.first
    observers = Observers(registry.manager.hook if writes else None)
    observers.tell("gan_recipe_run_started", folder=folder.path, recipe=training.recipe.resolved_tables)
    description.pop("why", None)
    description |= {"outcome": "running", "round": first}
    folder.write_description(description)
    if writes:
        with suppress(OSError):
            (folder.path / FAILURE).unlink()
    how, done = "failed", first
    try:
        with asked_to_stop() as stop:
            try:
                while True:
                    try:
                        done = train(training, registry, folder, observers, screen, stop, first=first)
                        break
                    except GoBack as back:
                        screen.end()
                        training, first = _gone_back(training, registry, folder, screen, back)
            finally:
                screen.end()
            figures: dict[str, float] = {}
            baseline: dict[str, float] = {}
            asked = stop.asked if processes is None else processes.agree(stop.asked)
            if asked is None:
                # The weights are saved, and figures can be taken again.
                stop.at_once = True
                figures, baseline = _final_figures(training, folder, observers, screen, description)
        how = "done" if asked is None else "stopped"
        if asked == BY_VERDICT and stop.verdict is not None:
            description["why"] = f"{stop.verdict.verdict} in round {stop.verdict.round:,}: {stop.verdict.told}"
        return Outcome(folder, how, done, figures, baseline, asked, description.get("why", ""))
    except ComponentError as error:
        failure = failed(error, training.recipe, registry, folder, training.round, writes=writes)
        description["why"] = str(failure)
        raise failure from error
    except RunError as error:
        description["why"] = str(error)
        raise
    except OSError as error:
        raise RunError(f"the run's folder {folder.path} cannot be used: {error}") from error
    except KeyboardInterrupt:
        how = "stopped"
        raise
    finally:
        description |= {"outcome": how, "round": training.round if how == "failed" else done, "ended": now()}
        _close(folder, description, observers, writes=writes)


def _close(folder: RunFolder, description: Mapping[str, Any], observers: Observers, *, writes: bool) -> None:
    """Write how the run ended. Raises RunError where that fails and nothing else did."""
    try:
        folder.write_description(description)
        if writes:
            report_at_end(folder)
    except RunError:
        # What made the run fail tells more than that its folder cannot be written either.
        if description["outcome"] != "failed":
            raise
    finally:
        observers.tell("gan_recipe_run_ended", folder=folder.path, outcome=description["outcome"])
        folder.unlock()


def _gone_back(
    training: Training, registry: Registry, folder: RunFolder, screen: Screen, back: GoBack
) -> tuple[Training, int]:
    """The training at the checkpoint that it goes back to, and the round of that."""
    recovery = decide(folder, training.recipe, registry, back)
    screen.say(f"{folder.name} {recovery.sentence()}")
    carry_out(folder)
    return trained_anew(training, folder, registry)


def train(
    training: Training,
    registry: Registry,
    folder: RunFolder,
    observers: Observers,
    screen: Screen,
    stop: Stop,
    *,
    first: int,
) -> int:
    """The loop, from round ``first`` on. Returns how many rounds are done: all, or fewer when asked to stop.

    Raises GoBack when the run is to go on from an earlier checkpoint.
    """
    recipe = training.recipe
    run, sheet, processes = recipe.run, recipe.sheet, training.processes
    journal = Journal(training, folder, observers, screen)
    # Of several processes each has seen its own part of a batch: one of them decides.
    consequences = (
        Consequences(recipe, registry, folder, stop, screen.say) if processes is None or processes.first else None
    )
    if first == 0:
        drawn = _write_sheet(training, folder, observers, 0)
        if not training.is_back and (processes is None or processes.first):
            screen.say(foretold(recipe, checkpoint_size(training), drawn, folder.path))
        if recipe.recovery and not checkpoint_rounds(folder):
            _save(training, folder, 0)
    screen.begin(run.rounds, first, run.batch)
    if training.is_back:
        journal.write(first, {"run/recoveries": float(training.recoveries)})
    doctor = Doctor(training, folder, observers, journal, consequences) if recipe.doctor.settings.enabled else None
    watch = doctor.watch if doctor else None
    done = first
    with training.stream.ahead(first, run.rounds) as batches:
        for batch in batches:
            training.play(done, batch, watch)
            done += 1
            screen.round(done)
            asked = stop.asked if processes is None else processes.agreed(stop.asked)
            last = done == run.rounds or asked is not None
            if done % run.log_every == 0 or done == run.rounds:
                journal.losses(done)
                training.compare(done)
            journal.catch_up(done)
            training.compared(done - LATE)
            if doctor:
                doctor.after(done)
            if done % sheet.every == 0 or done == run.rounds:
                _write_sheet(training, folder, observers, done)
            if run.measure_every and done % run.measure_every == 0 and done < run.rounds:
                _write_all(journal, doctor)
                journal.write(done, {f"metrics/{name}": value for name, value in _measured(training).items()})
            if done % run.checkpoint_every == 0 or last or done in run.keep_at:
                # A checkpoint that is resumed from must not be newer than the figures on file.
                _write_all(journal, doctor)
                training.compared()
                _save(training, folder, done)
            if last:
                break
    return done


def _write_all(journal: Journal, doctor: Doctor | None) -> None:
    """Write every figure, in the order in which the rounds alone would have brought them: a stop changes no file."""
    while waiting := [each for each in (journal.waiting, doctor.waiting if doctor else None) if each is not None]:
        old_enough = min(waiting) + LATE
        journal.catch_up(old_enough)
        if doctor:
            doctor.catch_up(old_enough)


def _write_sheet(training: Training, folder: RunFolder, observers: Observers, round: int) -> int:
    """Draw the sheet of a round; how many bytes it has."""
    recipe = training.recipe
    if not recipe.columns:
        return 0
    path = folder.sheets / f"round-{round:06d}.png"

    def draw() -> int:
        with training.averaged():
            values = training.values(recipe.columns, recipe.sheet.rows)
        try:
            write_sheet(path, list(zip(recipe.sheet.columns, values, strict=True)))
            return path.stat().st_size
        except OSError as error:
            raise RunError(f"the sheet {path} cannot be written: {error.strerror}") from error

    size = by_first(training.processes, draw)
    observers.tell("gan_recipe_sheet", folder=folder.path, round=round, image=path)
    return size


def _save(training: Training, folder: RunFolder, round: int) -> None:
    run, state = training.recipe.run, training.checkpoint(round)
    regular = [each for each in {*checkpoint_rounds(folder), round} if is_regular(training.recipe, each)]
    keep_at = {*run.keep_at, *within_reach(training.recipe, regular)}

    def save() -> None:
        checkpoints.save(folder, state, keep=run.keep, keep_at=keep_at)

    by_first(training.processes, save)


def _measured(training: Training, *, baseline: bool = False) -> dict[str, float]:
    """The metrics, over all held-out samples by one process: they are not means that could be shared."""
    return by_first(training.processes, lambda: measure(training, baseline=baseline))


def _final_figures(
    training: Training, folder: RunFolder, observers: Observers, screen: Screen, description: dict[str, Any]
) -> tuple[dict[str, float], dict[str, float]]:
    if not training.recipe.metrics:
        return {}, {}
    screen.say("measuring on held-out samples")
    figures, baseline = _measured(training), _measured(training, baseline=True)
    Journal(training, folder, observers, screen).write(
        training.recipe.run.rounds, {f"metrics/{name}": value for name, value in figures.items()}
    )
    description |= {"figures": figures, "baseline": baseline}
    return figures, baseline


def _describe(training: Training, registry: Registry, threads: int) -> dict[str, Any]:
    recipe = training.recipe
    return {
        "recipe": recipe.file.shown,
        "started": now(),
        "rounds": recipe.run.rounds,
        "scale": recipe.run.scale,
        "parents": training.lineage,
        "weights_files": training.weights_files,
        "data": training.stream.fingerprints,
        "precision": "bf16" if training.bf16 else "float32",
        "device": torch.cuda.get_device_name() if training.device.startswith("cuda") else platform.machine(),
        "versions": versions(registry, torch.__version__),
        "code": code_versions(registry),
        "threads": threads,
        "command": sys.argv[1:],
    }
