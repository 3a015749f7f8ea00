"""What a run will take of the disk is told before its first round, and refused where it does not fit."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from screens import Heard

from gan_recipe.cli.screen import QuietScreen
from gan_recipe.components.registry import Registry
from gan_recipe.engine.checkpoint_size import checkpoint_size
from gan_recipe.engine.training import Training
from gan_recipe.errors import UserError
from gan_recipe.language.optimizers import OPTIMIZERS
from gan_recipe.loop.launch import resume, start
from gan_recipe.loop.train import Outcome
from gan_recipe.runs import disk_use
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.disk_use import in_words, kept
from gan_recipe.runs.run_folder import checkpoint_rounds


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ring.toml").write_text(ring)
    return tmp_path


def train(recipe: str, *overrides: str) -> tuple[Outcome, list[str]]:
    registry, screen = Registry.installed(), Heard()
    return start(check(recipe, overrides, registry), registry, screen, device="cpu"), screen.said


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def bytes_of(words: str) -> float:
    number, unit = words.split()
    return float(number) * 1000 ** ["B", "KB", "MB", "GB", "TB"].index(unit)


def test_what_is_told_is_what_the_run_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run with sheets, events, figures, the doctor and a report ends within a tenth of what was told before it."""
    monkeypatch.chdir(tmp_path)
    small = [f"networks.{name}.width=0.125" for name in ("encoder", "decoder", "trunk")]
    people = ["data.faces.identities=4", "data.faces.held_out=2", "run.held_out=4", "data.faces.size=32"]
    plan = ["run.rounds=24", "run.batch=4", "run.log_every=4", "run.checkpoint_every=8", "sheet.every=6"]
    outcome, told = train("d_supervised", *small, *people, *plan, "doctor.every=8", "run.measure_every=0")
    (line,) = (each for each in told if each.startswith("disk: "))
    found = re.fullmatch(
        r"disk: about (.+?) \(2 checkpoints of (.+?), 5 sheets of .+?, figures, tensorboard, report\), .+ free", line
    )
    assert found, line
    assert bytes_of(found[1]) == pytest.approx(size(outcome.folder.path), rel=0.1)
    last = outcome.folder.checkpoints / "00000024"
    assert bytes_of(found[2]) == pytest.approx(size(last), rel=0.03)


PLANS = [
    {"run.rounds": 10, "run.checkpoint_every": 3, "run.keep": 2, "sheet.every": 4, "run.log_every": 4},
    {"run.rounds": 12, "run.checkpoint_every": 3, "run.keep": 3, "sheet.every": 12, "run.log_every": 50},
    {"run.rounds": 9, "run.checkpoint_every": 20, "run.keep": 5, "sheet.every": 20, "run.log_every": 1},
]


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: f"every-{plan['run.checkpoint_every']}")
def test_files_are_counted_as_they_come(plan: dict[str, int], here: Path) -> None:
    """Checkpoints kept for good, the last ones of each kind, and lines that only the end brings."""
    overrides = [f"{key}={value}" for key, value in plan.items()]
    outcome, _ = train("ring.toml", *overrides, "run.keep_at=[4]", "run.observers=[]", "doctor.enabled=false")
    found = kept(check(str(outcome.folder.recipe)))
    assert found.checkpoints == len(checkpoint_rounds(outcome.folder))
    assert found.sheets == len(list(outcome.folder.sheets.glob("*.png")))
    assert found.lines == len([line for line in outcome.folder.lines() if any("/loss/" in name for name in line)])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimisers_state_is_known_before_it_moves(name: str, here: Path) -> None:
    """The size foretold is that of the checkpoint after every player has moved, but for what JSON holds."""
    stated = f'{{ use = "{name}", lr = 0.001 }}'
    text = (here / "ring.toml").read_text()
    text = re.sub(r"optimizer = \{[^}]*\}", f"optimizer = {stated}", text)
    (here / "ring.toml").write_text(text)
    training = Training(check("ring.toml"))
    foretold = checkpoint_size(training)
    for round in range(2):
        training.play(round, training.stream.batch(round))
    tensors = training.checkpoint(2).tensors.values()
    of_sums = sum(name.startswith("sum/") for group in tensors for name in group)
    counted = [tensor.nbytes for group in tensors for tensor in group.values()]
    assert foretold == sum(counted) + 110 * (len(counted) - of_sums) - 4 * of_sums


def test_where_there_is_no_room_nothing_begins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk, what it has, what the run takes, and the cures; nothing is written. So for a run that is resumed."""
    monkeypatch.setattr(disk_use, "free", lambda folder: 2_000)
    with pytest.raises(UserError) as caught:
        train("ring.toml", "run.keep=4", "run.rounds=12", "run.checkpoint_every=2")
    told = str(caught.value)
    assert "the run cannot be kept" in told and "2 KB free" in told and "(5 at once, of " in told
    assert "GAN_RECIPE_RUNS" in told and "run.keep" in told
    assert not (here / "runs").exists()


def test_a_run_is_resumed_where_one_more_checkpoint_fits(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it keeps already makes way; without room for one more it is told, and its checkpoints stay."""
    registry = Registry.installed()
    outcome, _ = train("ring.toml", "run.rounds=12", "run.checkpoint_every=4")
    run = outcome.folder
    run.write_description(run.describe() | {"outcome": "stopped"})
    for path in (run.checkpoints / "00000012").iterdir():
        path.unlink()
    (run.checkpoints / "00000012").rmdir()
    one = size(run.checkpoints / "00000008")
    monkeypatch.setattr(disk_use, "free", lambda folder: one // 2)
    with pytest.raises(UserError, match="cannot be kept"):
        resume(run.name, registry, QuietScreen(), device="cpu")
    assert checkpoint_rounds(run) == [8]
    monkeypatch.setattr(disk_use, "free", lambda folder: 3 * one)
    assert resume(run.name, registry, QuietScreen(), device="cpu").how == "done"


@pytest.mark.parametrize(
    ("bytes", "words"), [(0, "0 B"), (999, "999 B"), (1_000, "1 KB"), (379_600_000, "380 MB"), (1.24e9, "1.2 GB")]
)
def test_sizes_are_said_in_words(bytes: float, words: str) -> None:
    """Two or three digits, decimal units."""
    assert in_words(bytes) == words
