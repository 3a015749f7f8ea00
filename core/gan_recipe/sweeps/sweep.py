"""Many runs of one recipe: Optuna chooses settings, each trial is an ordinary run, and many workers share one study."""

from __future__ import annotations

import math
import signal
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from gan_recipe.components.registry import Registry
from gan_recipe.engine.stopping import BY_VERDICT, exit_code
from gan_recipe.errors import BusyError, RecipeError, RunError, UserError
from gan_recipe.hooks import hookimpl
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder, runs_root
from gan_recipe.sweeps.space import Choices, Space

if TYPE_CHECKING:
    import optuna

    from gan_recipe.engine.journal import Screen

# A killed worker's trial is given to another one this many heartbeats after the last.
_PATIENCE = 3
_RETRIES = 3


@frozen
class Sweep:
    """What every worker of a study is told."""

    recipe: str
    overrides: Sequence[str]
    overlays: Sequence[str]
    space: Space
    #: The study's name, which its runs have too.
    study: str
    #: How many trials the study shall have that ended, pruned ones included.
    trials: int
    #: An Optuna storage: ``sqlite:///file`` or ``postgresql://...``.
    storage: str
    #: Seconds between two signs of life of a worker.
    heartbeat: int
    device: str = "auto"


def default_storage(study: str) -> str:
    """A file beside the runs: enough for workers on one machine. Raises UserError when their folder cannot be made."""
    root = runs_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root} cannot be made: {error.strerror}; set GAN_RECIPE_RUNS to another place") from None
    return f"sqlite:///{(root / f'{study}.sweep.db').absolute()}"


def work(sweep: Sweep, screen: Screen, say: Callable[[str], None]) -> optuna.Study:
    """Run trials until the study has enough. Several workers may do so at once, on one machine or on many.

    Raises UserError for a storage that cannot be opened, and SystemExit with a signal's code when stopped: the trial is
    then taken up by another worker, or by this one when it is started again.
    """
    study = _open(sweep)
    from optuna.trial import TrialState

    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    while len(study.get_trials(deepcopy=False, states=ended)) < sweep.trials:
        study.optimize(lambda trial: _trial(sweep, study, trial, screen, say), n_trials=1)
    return study


def _open(sweep: Sweep) -> optuna.Study:
    try:
        import optuna
    except ImportError:
        raise UserError("optuna is not installed: pip install 'gan-recipe[sweep]'") from None
    from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    tries = 5
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.create_study(
                    study_name=sweep.study,
                    storage=_storage(sweep),
                    direction=sweep.space.direction,
                    # Workers choose at once: each takes the others' running trials for bad ones, and looks elsewhere.
                    sampler=optuna.samplers.TPESampler(constant_liar=True),
                    pruner=optuna.pruners.MedianPruner(n_startup_trials=4),
                    load_if_exists=True,
                )
        except (ArgumentError, SQLAlchemyError, ImportError, ValueError) as error:
            tries -= 1
            # The first workers of a study make its tables at the same moment, and one of them comes too late.
            if isinstance(error, DBAPIError) and tries:
                time.sleep(1)
                continue
            what = str(error).partition("\n")[0]
            raise UserError(f"the storage {sweep.storage!r} cannot be used: {what}") from None


def _storage(sweep: Sweep) -> optuna.storages.RDBStorage:
    from optuna import storages

    # Optuna 4.9 gave the callback and its parameter other names; the old ones go with 6.
    if hasattr(storages, "RetryHeartbeatStaleTrialCallback"):
        retry: dict[str, Any] = {
            "heartbeat_stale_trial_callback": storages.RetryHeartbeatStaleTrialCallback(max_retry=_RETRIES)
        }
    else:
        retry = {"failed_trial_callback": storages.RetryFailedTrialCallback(max_retry=_RETRIES)}
    return storages.RDBStorage(
        sweep.storage,
        heartbeat_interval=sweep.heartbeat,
        grace_period=_PATIENCE * sweep.heartbeat,
        # SQLite is locked while another worker writes: wait for it.
        engine_kwargs={"connect_args": {"timeout": 60}} if sweep.storage.startswith("sqlite") else None,
        **retry,
    )


def _trial(sweep: Sweep, study: optuna.Study, trial: optuna.Trial, screen: Screen, say: Callable[[str], None]) -> float:
    import optuna

    chosen = [f"{each.key}={_suggested(trial, each)}" for each in sweep.space.dimensions]
    registry = Registry.installed()
    from gan_recipe.loop import launch

    try:
        recipe = check(sweep.recipe, [*sweep.overrides, *chosen], registry, overlays=sweep.overlays)
        reporter = _Reporter(trial, sweep.space.metric)
        registry.manager.register(reporter, "sweep")
        # A trial that was killed has the same settings when it is tried again: it goes on from its last checkpoint.
        outcome = launch.start(
            recipe,
            registry,
            screen,
            name=sweep.study,
            device=sweep.device,
            resume_or_start=True,
            told={"sweep": {"study": sweep.study, "trial": trial.number, "settings": chosen}},
        )
    except (RunError, RecipeError, BusyError) as error:
        # Settings that diverge or do not fit are an answer, not an accident: they would fail again.
        trial.set_user_attr("why", str(error))
        say(f"trial {trial.number}: {_listed(chosen)}: failed: {error}")
        raise optuna.TrialPruned(str(error)) from error
    trial.set_user_attr("run", outcome.folder.name)
    if reporter.pruned:
        say(f"trial {trial.number}: {_listed(chosen)}: pruned in round {outcome.round:,}, {outcome.folder.name}")
        raise optuna.TrialPruned
    if outcome.signal == BY_VERDICT:
        # What doctor.stop names is an answer, too.
        trial.set_user_attr("why", outcome.why)
        say(f"trial {trial.number}: {_listed(chosen)}: stopped at a verdict, {outcome.folder.name}: {outcome.why}")
        raise optuna.TrialPruned(outcome.why)
    if outcome.signal is not None:
        say(f"trial {trial.number}: stopped in round {outcome.round:,}, saved; the same command goes on with it")
        raise SystemExit(exit_code(outcome.signal))
    value = outcome.figures[sweep.space.metric]
    say(f"trial {trial.number}: {_listed(chosen)}: {sweep.space.metric} {value:.4g}, {outcome.folder.name}")
    return float(value)


class _Reporter:
    """Hears the run's figures, and asks it to stop, as a person would, when Optuna gives the trial up."""

    def __init__(self, trial: optuna.Trial, metric: str) -> None:
        self._trial, self._metric = trial, f"metrics/{metric}"
        self.pruned = False

    @hookimpl
    def gan_recipe_run_started(self, folder: Path) -> None:
        self._trial.set_user_attr("run", RunFolder(folder).name)

    @hookimpl
    def gan_recipe_logged(self, round: int, values: Mapping[str, float]) -> None:
        value = values.get(self._metric)
        if value is None or not math.isfinite(value) or self.pruned:
            return
        self._trial.report(value, round)
        if self._trial.should_prune():
            self.pruned = True
            signal.raise_signal(signal.SIGTERM)


def _suggested(trial: optuna.Trial, dimension: Any) -> str:
    """A value of one dimension, as TOML."""
    if isinstance(dimension, Choices):
        return str(trial.suggest_categorical(dimension.key, list(dimension.texts)))
    if dimension.whole:
        step = dimension.step or 1
        return str(trial.suggest_int(dimension.key, dimension.low, dimension.high, step=step, log=dimension.log))
    found = trial.suggest_float(dimension.key, dimension.low, dimension.high, step=dimension.step, log=dimension.log)
    return repr(found)


def _listed(chosen: Sequence[str]) -> str:
    return ", ".join(chosen)
