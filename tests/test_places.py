"""Places that cannot be read or written, and names that are empty: a sentence with the place and the cure each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gan_recipe.runs.run_folder import RunFolder, all_runs

Run = Callable[..., Any]
Write = Callable[..., str]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ring: str) -> RunFolder:
    """A run's folder as far as its files tell of it; nothing was trained."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GAN_RECIPE_RUNS", raising=False)
    folder = tmp_path / "runs" / "ring" / "1"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"outcome": "stopped", "round": 2, "rounds": 6}))
    (folder / "recipe.toml").write_text(ring)
    (folder / "metrics.jsonl").write_text('{"round": 2, "critic/loss/gan": 1.4}\n')
    return RunFolder(folder)


# ---------------------------------------------------------------------------------------------------------- runs


def test_lines_that_are_none_are_passed_over(gan_recipe: Run, made: RunFolder) -> None:
    """Whoever wrote a run's files: `diagnose` judges what is a line, and no command fails on the rest."""
    made.metrics.write_text('{"round": "x", "critic/loss/gan": 1}\n{"round": true}\n{"round": 4, "a": 1}\n3\n')
    assert [line["round"] for line in made.lines()] == [4]
    for command in ("runs", "log", "diagnose ring"):
        assert gan_recipe(*command.split()).code == 0


def test_a_run_whose_figures_cannot_be_read(gan_recipe: Run, made: RunFolder) -> None:
    """Lists go on with the others; whoever asks for the figures is told which file it is."""
    made.metrics.unlink()
    made.metrics.mkdir()
    for command in ("runs", "log"):
        told = gan_recipe(command)
        assert (told.code, told.err) == (0, "") and "ring/1" in told.out
    for command in ("diagnose ring", "report ring"):
        told = gan_recipe(*command.split())
        assert told.code == 2 and "metrics.jsonl cannot be read: Is a directory" in told.err


def test_folders_that_cannot_be_read(gan_recipe: Run, made: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2 and the folder's name, wherever it lies."""
    listed = os.listdir
    for locked in (made.path.parents[1], made.path.parent, made.checkpoints):

        def listdir(path: Any, locked: Path = locked) -> list[str]:
            if Path(path).absolute() == locked:
                raise PermissionError(13, "Permission denied", str(path))
            return listed(path)

        monkeypatch.setattr(os, "listdir", listdir)
        told = gan_recipe("sample", "ring") if locked == made.checkpoints else gan_recipe("runs")
        name = locked.relative_to(made.path.parents[2])
        assert (told.code, told.err.strip()) == (2, f"{name} cannot be read: Permission denied")


def test_a_file_in_the_place_of_runs(
    gan_recipe: Run, write: Write, ring: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is told before anything is built, and by whoever lists runs."""
    write(ring)
    (tmp_path / "notes").write_text("")
    monkeypatch.setenv("GAN_RECIPE_RUNS", str(tmp_path / "notes"))
    for command in ("runs", "log", "report --all", "run ring.toml"):
        told = gan_recipe(*command.split())
        assert told.code == 2 and "notes is a file, and runs are kept in a folder; set GAN_RECIPE_RUNS" in told.err
        assert told.out == ""


def test_a_run_that_does_not_exist(gan_recipe: Run, made: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the place and the nearest, or how to find out."""
    assert gan_recipe("diagnose", "rign").err == "there is no run 'rign' in runs. Did you mean 'ring/1'?\n"
    for number in range(2, 20):
        made.path.with_name(str(number)).mkdir()
    assert len(all_runs()) == 19
    assert gan_recipe("diagnose", "zzz").err == "there is no run 'zzz' in runs. `gan-recipe runs` lists them.\n"
    monkeypatch.setenv("GAN_RECIPE_RUNS", "elsewhere")
    assert gan_recipe("diagnose", "zzz").err == "there is no run 'zzz' in elsewhere. There is none yet.\n"


# ---------------------------------------------------------------------------------------------------------- others


def test_a_cache_that_cannot_be_made(gan_recipe: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every command that needs it tells so, with the cure, and none shows a traceback."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path / "file"))
    for words in (("cache",), ("plugin", "new", "acme"), ("run", "d_supervised", "-s", "run.rounds=4")):
        told = gan_recipe(*words)
        cure = "cannot be made: File exists; set GAN_RECIPE_CACHE to a folder that can"
        assert told.code == 2 and f"the cache folder {tmp_path / 'file'} {cure}" in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize("command", ["list", "check dcgan", "--help"])
def test_an_output_that_takes_no_more(command: str) -> None:
    """A full disk behind `>` is one sentence on the other output."""
    words = [sys.executable, "-m", "gan_recipe", *command.split()]
    with open("/dev/full", "w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "The output cannot be written: No space left on device\n")


def test_names_that_are_empty(gan_recipe: Run, write: Write, ring: str, tmp_path: Path) -> None:
    """An empty name, as an unset variable of a script gives it, is refused: nothing else is taken in its place."""
    write(ring)
    write('metric = "far"\ndirection = "minimize"\n[space]\nrun.seed = { choices = [1, 2] }\n', "space.toml")
    assert gan_recipe("check", "").err == "the recipe's name is empty. `gan-recipe recipes` lists the shipped ones.\n"
    for words in (
        ("run", "ring.toml", "--name", ""),
        ("run", "ring.toml", "--with-parents", "--name", ""),
        ("sweep", "ring.toml", "--space", "space.toml", "--study", ""),
    ):
        told = gan_recipe(*words)
        assert told.code == 2 and "'' is no name for a run" in told.err
    for words in (("schema", "-o", ""), ("docs", "pages", ""), ("sweep", "ring.toml", "--space", "")):
        told = gan_recipe(*words)
        assert told.code == 2 and "an empty text is no path" in told.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ring.toml", "space.toml"]


def test_a_count_of_processes_that_is_none(
    gan_recipe: Run, write: Write, ring: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torchrun sets is checked like any other input."""
    write(ring)
    monkeypatch.setenv("WORLD_SIZE", "two")
    told = gan_recipe("run", "ring.toml")
    assert (told.code, told.err) == (2, "$WORLD_SIZE is 'two'; expected a number of processes, as torchrun sets it\n")
