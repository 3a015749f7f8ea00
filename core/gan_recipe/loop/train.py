"""Training a recipe into a run's folder: the loop, and what is made of its end."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import frozen

from gan_recipe.components.failure import ComponentError
from gan_recipe.components.registry import Registry
from gan_recipe.distributed.processes import by_first
from gan_recipe.engine.evaluate import measure
from gan_recipe.engine.journal import Journal, Screen
from gan_recipe.engine.late import LATE
from gan_recipe.engine.observers import Observers
from gan_recipe.engine.sheet import write_sheet
from gan_recipe.engine.stopping import BY_VERDICT, Stop, asked_to_stop
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError
from gan_recipe.health.consequences import Consequences
from gan_recipe.health.doctor import Doctor
from gan_recipe.health.going_back import GoBack, carry_out, decide, trained_anew
from gan_recipe.loop.component_failure import FAILURE, failed
from gan_recipe.report import report_at_end
from gan_recipe.runs import checkpoint as checkpoints
from gan_recipe.runs.disk_use import foretold
from gan_recipe.runs.kept_checkpoints import spared
from gan_recipe.runs.known_sizes import Sizes, remember_sizes
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds, now


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


def carry_out_run(
    training: Training,
    registry: Registry,
    folder: RunFolder,
    description: dict[str, Any],
    screen: Screen,
    *,
    first: int,
    size: int,
) -> Outcome:
    """Train a run in its folder, from round ``first`` on, and write down how it ended, however it did.

    ``size`` are the bytes of a checkpoint.
    """
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
                        done = train(training, registry, folder, observers, screen, stop, first=first, size=size)
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

    def go() -> None:
        recovery = decide(folder, training.recipe, registry, back)
        screen.say(f"{folder.name} {recovery.sentence()}")
        carry_out(folder)

    by_first(training.processes, go)
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
    size: int,
) -> int:
    """The loop, from round ``first`` on. Returns how many rounds are done: all, or fewer when asked to stop.

    Raises GoBack when the run is to go on from an earlier checkpoint.
    """
    recipe = training.recipe
    run, sheet, processes, digests = recipe.run, recipe.sheet, training.processes, training.digests
    journal = Journal(training, folder, observers, screen)
    consequences = Consequences(recipe, registry, folder, stop, screen.say, processes)
    if first == 0:
        drawn = _write_sheet(training, folder, observers, 0)
        if not training.is_back and (processes is None or processes.first):
            sizes = Sizes(size, drawn)
            remember_sizes(recipe, sizes)
            screen.say(foretold(recipe, sizes, folder.path))
        if recipe.recovery and by_first(processes, lambda: not checkpoint_rounds(folder)):
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
            asked = stop.asked if processes is None else processes.agreed(stop.asked) or stop.by_verdict
            last = done == run.rounds or asked is not None
            if done % run.log_every == 0 or done == run.rounds:
                journal.losses(done)
                if digests:
                    digests.take(done)
            journal.catch_up(done)
            if digests:
                digests.compare(done - LATE)
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
                if digests:
                    digests.compare()
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
        columns = training.sheet(recipe.sheet.rows)
        try:
            write_sheet(path, columns)
            return path.stat().st_size
        except OSError as error:
            raise RunError(f"the sheet {path} cannot be written: {error.strerror}") from error

    size = by_first(training.processes, draw)
    observers.tell("gan_recipe_sheet", folder=folder.path, round=round, image=path)
    return size


def _save(training: Training, folder: RunFolder, round: int) -> None:
    run, state = training.recipe.run, training.checkpoint(round)
    keep_at = spared(training.recipe, {*checkpoint_rounds(folder), round})

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
