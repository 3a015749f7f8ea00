"""A sweep's space is checked before any trial; its trials are ordinary runs; a killed worker's trial is tried again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import optuna
import pytest

from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder
from gan_recipe.sweeps.space import Choices, Range, read_space

SPACE = """\
metric = "far"
direction = "minimize"

[space]
players.critic.optimizer.lr = { low = 1e-4, high = 1e-2, log = true }
networks.trunk.outputs = { low = 4, high = 16, step = 4 }
players.generator.optimizer.use = { choices = ["sgd", "adam"] }
"""


@pytest.fixture
def space(write: Callable[..., str], ring: str) -> str:
    write(ring)
    return write(SPACE, "space.toml")


def read(stated: str = "space.toml", metric: str | None = None) -> object:
    registry = Registry.installed()
    return read_space(stated, check("ring.toml", registry=registry), "ring.toml", registry, metric=metric)


def test_a_space_names_keys_of_the_recipe(space: str) -> None:
    """Ranges of numbers, whole ones where both bounds are, and choices of anything TOML can hold."""
    found = read(space)
    assert found.metric == "far" and found.direction == "minimize"  # type: ignore[attr-defined]
    assert found.dimensions == (  # type: ignore[attr-defined]
        Range("players.critic.optimizer.lr", 1e-4, 1e-2, True),
        Choices("players.generator.optimizer.use", ('"sgd"', '"adam"')),
        Range("networks.trunk.outputs", 4, 16, False, 4),
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("metric =", "metrik =", r"space.toml:1: metrik: there is no such key\. Did you mean 'metric'"),
        ('"far"', '"fra"', r"space.toml:1: metric: .*Did you mean 'far'"),
        ('"minimize"', '"down"', r'space.toml:2: direction: expected "minimize" or "maximize", not "down"'),
        ("low = 1e-4", "low = 1", r"space.toml:5: space.players.critic.optimizer.lr.low: expected less than high"),
        ("low = 1e-4", "low = 0", r"space.toml:5: .*lr.low: expected more than 0 on a logarithmic scale"),
        ("low = 1e-4, ", "", r"space.toml:5: .*lr.low: it is missing"),
        ("log = true", "log = true, step = 1", r"space.toml:5: .*lr.step: a logarithmic scale has no steps"),
        ("log = true", "lag = true", r"space.toml:5: .*lr.lag: there is no such key here\. Did you mean 'log'"),
        ("step = 4", "step = 0.5", r"space.toml:6: .*outputs.step: expected a whole number"),
        ("low = 4", "low = -4", r"space.toml:6: .*outputs: the recipe refuses -4"),
        ("trunk.outputs", "trank.outputs", r"space.toml:6: .*trank.*Did you mean 'trunk'"),
        ('"adam"]', '"adamm"]', r"space.toml:7: .*optimizer.use: the recipe refuses \"adamm\""),
        ('["sgd", "adam"]', "[]", r"space.toml:7: .*choices: expected a list of values"),
    ],
)
def test_a_wrong_space_is_told_at_its_line(
    space: str, write: Callable[..., str], old: str, new: str, told: str
) -> None:
    """Unknown keys, wrong bounds, keys that the recipe lacks and values that it refuses, before any trial."""
    assert old in SPACE
    write(SPACE.replace(old, new, 1), "space.toml")
    with pytest.raises(RecipeError, match=told):
        read(space)


def test_every_mistake_of_a_space_is_told_at_once(write: Callable[..., str], space: str) -> None:
    """As of a recipe."""
    write(SPACE.replace("low = 1e-4", "low = 1").replace("step = 4", "step = 0").replace("minimize", "down"), space)
    with pytest.raises(RecipeError) as caught:
        read(space)
    assert [problem.where for problem in caught.value.problems] == ["space.toml:2", "space.toml:5", "space.toml:6"]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "gan_recipe", "sweep", "ring.toml", "--space", "space.toml", *words]


def trials() -> Sequence[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="ring-space", storage="sqlite:///runs/ring-space.sweep.db").trials


def test_trials_are_runs_with_their_lineage(space: str, write: Callable[..., str], ring: str) -> None:
    """Two trials, each a run whose metric is the trial's value, told in run.json; the study can be gone on with."""
    write(SPACE.replace('["sgd", "adam"]', '["sgd"]'), "space.toml")
    done = subprocess.run(command("--trials", "2"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Best of 2" in done.stdout and "-s players.critic.optimizer.lr=" in done.stdout
    for trial in trials():
        run = RunFolder(Path("runs", trial.user_attrs["run"]))
        told = run.describe()
        assert told["outcome"] == "done" and told["figures"]["far"] == pytest.approx(trial.value)
        assert told["sweep"]["study"] == "ring-space" and told["sweep"]["trial"] == trial.number
        settings = check(str(run.recipe)).players["critic"].optimizer.options
        assert settings["lr"] == pytest.approx(trial.params["players.critic.optimizer.lr"])
    again = subprocess.run(command("--trials", "3"), capture_output=True, text=True)
    assert again.returncode == 0 and len(trials()) == 3, again.stderr


@pytest.mark.slow
def test_bad_trials_are_pruned(space: str, write: Callable[..., str]) -> None:
    """With figures on the way, trials worse than the median are given up: stopped, resumable, and said so."""
    text = 'metric = "far"\ndirection = "minimize"\n[space]\nplayers.generator.optimizer.lr = '
    write(text + "{ low = 1e-3, high = 1e3, log = true }\n", "space.toml")
    words = ["-s", "run.rounds=40", "-s", "run.measure_every=4", "-s", "run.log_every=1", "--trials", "10"]
    done = subprocess.run(command(*words), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ended = [trial for trial in trials() if trial.state == optuna.trial.TrialState.PRUNED]
    assert ended and done.stdout.count("pruned in round") == len(ended)
    for trial in ended:
        told = RunFolder(Path("runs", trial.user_attrs["run"])).describe()
        assert told["outcome"] == "stopped" and told["round"] < 40


@pytest.mark.slow
def test_a_run_that_fails_is_an_answer(space: str, write: Callable[..., str]) -> None:
    """Its trial is pruned, not tried again, and keeps the reason."""
    text = 'metric = "far"\ndirection = "minimize"\n[space]\nplayers.generator.optimizer.lr = { choices = [9e37] }\n'
    write(text, "space.toml")
    done = subprocess.run(command("--trials", "1", "-s", "run.log_every=2"), capture_output=True, text=True)
    assert done.returncode == 0 and "failed: " in done.stdout and "No trial came to its end" in done.stdout, done.stderr
    (trial,) = trials()
    assert trial.state == optuna.trial.TrialState.PRUNED and "inf" in trial.user_attrs["why"]


@pytest.mark.slow
def test_a_run_that_stops_at_a_verdict_is_an_answer(space: str, write: Callable[..., str], ring: str) -> None:
    """As one that fails: the worker goes on to the next trial."""
    touchy = "critic_too_strong = { doubt = 10.0, ranked = 0.0, samples = 1 }"
    write(f'{ring}\n[doctor]\nevery = 2\nstop = ["critic_too_strong"]\n[doctor.verdicts]\n{touchy}\n')
    done = subprocess.run(command("--trials", "2"), capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.count("stopped at a verdict") == 2, done.stderr
    assert all(trial.state == optuna.trial.TrialState.PRUNED for trial in trials())
    assert all("critic_too_strong in round" in trial.user_attrs["why"] for trial in trials())


@pytest.mark.slow
def test_a_killed_workers_trial_is_tried_again_by_the_other(space: str) -> None:
    """Two workers, one killed in the middle of a trial: the other does the same settings, and goes on with its run."""
    long = ["-s", "run.rounds=1500", "-s", "run.checkpoint_every=100", "--trials", "4", "--heartbeat", "1"]
    workers = [
        subprocess.Popen(command(*long), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    begun = time.monotonic()
    victim, of_victim = workers[0], None
    while of_victim is None:
        assert time.monotonic() - begun < 120
        time.sleep(0.1)
        of_victim = _running_of(victim.pid)
    time.sleep(1.5)
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert workers[1].wait(240) == 0, workers[1].communicate()[1]
    found = trials()
    killed = [trial for trial in found if trial.state == optuna.trial.TrialState.FAIL]
    assert len(killed) == 1
    retried = [t for t in found if t.params == killed[0].params and t.number != killed[0].number]
    assert len(retried) == 1 and retried[0].state == optuna.trial.TrialState.COMPLETE
    assert retried[0].user_attrs["run"] == killed[0].user_attrs["run"]


def _running_of(process: int) -> str | None:
    """The run folder that a process holds the lock of, once it has a checkpoint."""
    for handle in Path(f"/proc/{process}/fd").iterdir():
        try:
            target = os.readlink(handle)
        except OSError:
            continue
        folder = Path(target if Path(target).is_dir() else Path(target).parent)
        begun = (folder / "run.json").is_file() and any((folder / "checkpoints").glob("[0-9]*"))
        if begun and json.loads((folder / "run.json").read_text())["outcome"] == "running":
            return str(folder)
    return None
