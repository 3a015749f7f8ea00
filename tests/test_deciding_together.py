"""What steers a run, stops it or takes it back is one decision of all its processes, and that of a single process."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_accuracy_band import BAND, TOY
from test_processes import apart, command, lines, run
from test_recovery import STOP, TOUCHY

from gan_recipe.runs.recoveries import recoveries
from gan_recipe.runs.run_folder import RunFolder

DEAF = {"DEAF": "1"}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ring.toml").write_text(ring.replace("losses.r1 =", "losses.slope ="))
    Path("touchy.toml").write_text(TOUCHY)


def same_lines(one: list[dict[str, Any]], two: list[dict[str, Any]]) -> None:
    """Equal but for rounding: figures to 1e-9, those of signals, which are float32, to 1e-4."""
    assert len(one) == len(two) > 0
    for mine, theirs in zip(one, two, strict=True):
        assert mine.keys() == theirs.keys()
        for name, value in mine.items():
            near = 1e-4 if name.startswith("signals/") else 1e-9
            assert theirs[name] == pytest.approx(value, rel=near, abs=near, nan_ok=True), name


def same_story(one: str, two: str) -> None:
    """The same verdicts at the same rounds, and the same ways back."""
    first, second = RunFolder(Path(one)), RunFolder(Path(two))
    for mine, theirs in zip(recoveries(first), recoveries(second), strict=True):
        assert (mine.to, mine.told.round, mine.told.since) == (theirs.to, theirs.told.round, theirs.told.since)
        assert (mine.told.verdict, mine.changes) == (theirs.told.verdict, theirs.changes)
    mine, theirs = ([(each["round"], each["verdict"]) for each in run.verdict_lines()] for run in (first, second))
    assert mine == theirs
    for path in sorted(first.path.glob("recovered/*/metrics.jsonl")):
        same_lines(
            *([json.loads(line) for line in (folder / path.parent.name / path.name).read_text().splitlines()]
              for folder in (first.path / "recovered", second.path / "recovered"))
        )  # fmt: skip


def test_two_processes_go_back_as_one_does() -> None:
    """Twice, from the same rounds to the same checkpoint, with the same changes and another order of data: what is
    given up, what is told and what is left are those of one process. That one of them would tell of nothing is nothing
    to it: the verdict is agreed.
    """
    run(1, "touchy.toml", "--name", "one")
    done = run(2, "touchy.toml", "--name", "two", **DEAF)
    assert done.stderr.count("went back from round") == 2 or done.stdout.count("went back from round") == 2
    assert len(recoveries(RunFolder(Path("runs/two/1")))) == 2
    same_story("runs/one/1", "runs/two/1")
    assert apart("runs/one/1", "runs/two/1", "00000014") < 1e-12
    same_lines(lines("runs/one/1"), lines("runs/two/1"))
    for sheet in Path("runs/one/1").rglob("*.png"):
        assert sheet.read_bytes() == Path("runs/two/1", sheet.relative_to("runs/one/1")).read_bytes(), sheet


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_while_they_go_back_costs_nothing(rank: int) -> None:
    """torchrun starts them again, and the run ends with the bytes of one that nothing happened to."""
    run(2, "touchy.toml", "--name", "whole")
    words = command(2, "touchy.toml", "--name", "killed", "--resume-or-start", restarts=2)
    env = {**os.environ, "OMP_NUM_THREADS": "1", "DIES": str(rank)}
    done = subprocess.run(words, env=env, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0 and Path("died").exists(), done.stderr
    same_story("runs/whole/1", "runs/killed/1")
    assert apart("runs/whole/1", "runs/killed/1", "00000014") == 0.0
    for name in ("metrics.jsonl", "verdicts.jsonl", "recoveries.jsonl", "recovered/1/metrics.jsonl"):
        assert Path("runs/whole/1", name).read_bytes() == Path("runs/killed/1", name).read_bytes(), name


@pytest.mark.slow
def test_a_number_that_is_not_finite_is_found_and_recovered_from_together() -> None:
    """All play the rounds again; the loss that it came from is told, and the run goes back, is changed and is done."""
    Path("nan.toml").write_text(
        'extends = "ring.toml"\n[run]\ncheckpoint_every = 2\nrounds = 8\n[players.critic]\noptimizer.lr = 1e300\n'
        '[recovery]\non = ["non_finite"]\nmultiply = { "players.critic.optimizer.lr" = 1e-303 }\n'
    )
    run(1, "nan.toml", "--name", "one")
    run(2, "nan.toml", "--name", "two", **DEAF)
    told = [recoveries(RunFolder(Path(f"runs/{name}/1"))) for name in ("one", "two")]
    assert [each.told.verdict for each in told[1]] == ["non_finite"]
    assert told[0][0].told.told == told[1][0].told.told
    same_story("runs/one/1", "runs/two/1")
    assert apart("runs/one/1", "runs/two/1", "00000008") < 1e-12


@pytest.mark.slow
def test_two_processes_stop_at_a_verdict_in_the_round_in_which_one_does() -> None:
    """Saved, and told why; and they go on from there to the same end."""
    Path("stops.toml").write_text(TOUCHY.partition("[recovery]")[0].replace("every = 2\nv", STOP))
    run(1, "stops.toml", "--name", "one", code=3)
    done = run(2, "stops.toml", "--name", "two", code=None, **DEAF)
    assert done.returncode != 0 and "Stopped at a verdict" in done.stdout
    one, two = (RunFolder(Path(f"runs/{name}/1")).describe() for name in ("one", "two"))
    assert two["outcome"] == "stopped" and (two["round"], two["why"]) == (one["round"], one["why"])
    assert apart("runs/one/1", "runs/two/1", f"{one['round']:08d}") < 1e-12
    run(1, "--resume", "one")
    run(2, "--resume", "two", **DEAF)
    same_story("runs/one/1", "runs/two/1")
    assert apart("runs/one/1", "runs/two/1", "00000014") < 1e-12


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_processes_are_steered_as_one_is(count: int) -> None:
    """The accuracy is that of the whole batch, with all its pairs; where machines round apart, all hear one figure."""
    Path("band.toml").write_text(TOY + BAND)
    plan = ["run.rounds=40", "run.log_every=5", "schedule.memory=2", "run.checkpoint_every=20"]
    words = [word for each in plan for word in ("-s", each)]
    run(1, "band.toml", "--name", "one", *words)
    run(count, "band.toml", "--name", "many", *words, **DEAF)
    waits = [line["schedule/waits"] for line in lines("runs/one/1") if "schedule/waits" in line]
    assert len(set(waits)) > 1, "it must steer here"
    same_lines(lines("runs/one/1"), lines("runs/many/1"))
    assert apart("runs/one/1", "runs/many/1", "00000040") < 1e-12
