"""The guides to processes, sweeps and resuming are true: every block runs in a shell, made small.

SLURM's commands are stand-ins that check what they are given (``tiny_commands.py``); what they start is started.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tiny_commands
from doc_blocks import ROOT, Block, blocks

from gan_recipe.components.registry import Registry
from gan_recipe.runs.check_recipe import check
from gan_recipe.sweeps.space import read_space

GUIDES = ("docs/processes.md", "docs/sweep.md", "docs/resume.md")
RUN_HERE = [block for guide in GUIDES for block in blocks(guide)]
# Recipes that a reader has, and folders that a cluster has.
READERS_OWN = {"my.toml": 'extends = "pix2pix"\n'}
PLACES = {"/shared/runs": "runs"}
# Of sbatch's options those that scripts here use, each with what it takes.
SBATCH = {
    "nodes": r"\d+", "ntasks-per-node": r"\d+", "gpus-per-node": r"\d+", "gpus": r"\d+", "cpus-per-task": r"\d+",
    "requeue": None, "signal": r"(B:|R:)?(USR1|TERM|INT)@\d+", "job-name": r"[\w-]+", "array": r"\d+-\d+",
    "time": r"\d\d:\d\d:\d\d",
}  # fmt: skip


def test_the_space_of_the_guide_is_sound(tmp_path: Path) -> None:
    """For the recipe that the guide's command names."""
    (space,) = blocks("docs/sweep.md", "toml")
    (tmp_path / "space.toml").write_text(space.text)
    (command,) = blocks("docs/sweep.md", "sh")
    recipe = shlex.split(command.text)[2]
    registry = Registry.installed()
    found = read_space(str(tmp_path / "space.toml"), check(recipe, registry=registry), recipe, registry)
    assert found.metric == "l1" and len(found.dimensions) == 2


def ids(block: Block) -> str:
    return f"{Path(block.page).name}:{block.line}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Faces are rendered once for all blocks."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def noted(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shell's surroundings, as in a job of SLURM's on four machines; returns where the stand-ins take notes."""
    tiny_commands.put_on_path(tmp_path / "bin")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("A_FREE_PORT", str(free.getsockname()[1]))
    for name, value in {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "USER": "ann",
        "NOTED": str(tmp_path / "noted.jsonl"),
        "GAN_RECIPE_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "SLURM_NNODES": "4",
        "SLURM_JOB_ID": "77",
        "SLURM_JOB_NODELIST": "gpu[11-14]",
    }.items():
        monkeypatch.setenv(name, value)
    for name, text in READERS_OWN.items():
        (tmp_path / name).write_text(text)
    for block in RUN_HERE:
        if block.language == "toml" and block.text.startswith("# "):
            (tmp_path / block.text.splitlines()[0][2:]).write_text(block.text)
    return tmp_path / "noted.jsonl"


def shell(text: str, folder: Path) -> None:
    for place, here in PLACES.items():
        text = text.replace(place, str(folder / here))
    done = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"


@pytest.mark.slow
@pytest.mark.parametrize("block", [block for block in RUN_HERE if block.language in ("sh", "bash")], ids=ids)
def test_a_block_of_a_guide_runs(block: Block, tmp_path: Path, noted: Path) -> None:
    """As it stands there; and a run comes of it."""
    if "--resume " in block.text:
        _stop_a_run(tmp_path)
    shell(block.text, tmp_path)
    assert "verify-resume" in block.text or list(tmp_path.rglob("runs/*/1/run.json"))
    notes = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    assert [note["program"] for note in notes if note["program"] == "torchrun"] == ["torchrun"] * (
        "torchrun" in block.text
    )
    if "srun torchrun" in block.text:
        assert notes == [
            {"program": "scontrol", "words": ["show", "hostnames", "gpu[11-14]"]},
            {"program": "srun", "command": "torchrun"},
            {"program": "torchrun", "nnodes": "4", "processes": "8", "endpoint": "gpu11:29500", "id": "77"},
        ]


def _stop_a_run(folder: Path) -> None:
    """A run of d_supervised that Ctrl-C ended after its first checkpoints."""
    words = ["run", "d_supervised"]
    small = [*tiny_commands.overrides(words), "-s", "run.rounds=30", "-s", "run.checkpoint_every=10"]
    running = subprocess.Popen([sys.executable, "-m", "gan_recipe", *words, *small, "--quiet"], cwd=folder)
    while not list(folder.glob("runs/d_supervised/1/checkpoints/0*/manifest.json")):
        assert running.poll() is None, "it ended before it was stopped"
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130


@pytest.mark.slow
def test_a_pytorchjob_starts_what_the_guide_says(tmp_path: Path, noted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator states the rendezvous in the environment, and torchrun takes it from there."""
    for name, value in {"NNODES": "1", "NPROC_PER_NODE": "1", "RDZV_BACKEND": "c10d", "RDZV_ID": "job"}.items():
        monkeypatch.setenv(f"PET_{name}", value)
    monkeypatch.setenv("PET_RDZV_ENDPOINT", f"127.0.0.1:{os.environ['A_FREE_PORT']}")
    (block,) = [each for each in blocks("docs/processes.md", "bash") if each.text.startswith("torchrun -m")]
    shell(block.text, tmp_path)
    (note,) = [json.loads(line) for line in noted.read_text().splitlines()]
    assert note["id"] == "job" and note["processes"] == "1"
    assert list(tmp_path.glob("runs/my/1/run.json"))


@pytest.mark.parametrize("page", GUIDES)
def test_what_is_asked_of_sbatch_exists(page: str) -> None:
    """Each option of an #SBATCH line or of an sbatch command is one of sbatch's own, with a value that it takes."""
    text = (ROOT / page).read_text()
    asked = [word for line in re.findall(r"(?:#SBATCH|`sbatch) ([^`\n]+)", text) for word in line.split()]
    for word in asked:
        name, _, value = word.removeprefix("--").partition("=")
        takes: Any = SBATCH[name]
        assert (takes is None and not value) or re.fullmatch(takes or "", value), word
    assert asked
