"""One process of ``verify-resume``: trains, stops where it is told to, and notes digests of everything, round by round.

``python -m gan_recipe.verify.trial`` takes one ``Task`` as JSON. It trains by the functions of ``gan-recipe run``.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gan_recipe.components.registry import Registry
from gan_recipe.engine.training import Training
from gan_recipe.loop.launch import resume, start
from gan_recipe.runs.checkpoint import BrokenCheckpointError, load, recoveries_before
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds
from gan_recipe.runs.verdicts import Told
from gan_recipe.verify.verify_resume import Task, trial_recipe


def carry_out(task: Task) -> None:
    """Do what the task says. One that ends by a kill does not return."""
    registry = Registry.installed()
    if task.data:
        _note_data(task, registry)
        return
    folder = RunFolder(task.root / "run" / "1")
    watch = _Watch(task, folder)
    if folder.path.exists():
        resume(str(folder.path), registry, watch, device=task.device)
    else:
        start(trial_recipe(task, registry), registry, watch, name="run", device=task.device, root=task.root)
    watch.note()


class _Watch:
    """A screen on which nothing is seen, from which a run is stopped."""

    def __init__(self, task: Task, folder: RunFolder) -> None:
        self._task, self._folder = task, folder
        self._noted: set[tuple[int, int | None]] = set()

    def note(self) -> None:
        """Append the digests of the checkpoints that were made since."""
        for round in checkpoint_rounds(self._folder):
            # A run that has gone back makes a round's checkpoint again, and another one.
            made = (round, recoveries_before(self._folder, round))
            if made not in self._noted:
                self._noted.add(made)
                try:
                    checkpoint = load(self._folder, round)
                except BrokenCheckpointError as error:
                    raise SystemExit(f"the checkpoint of round {round} is damaged: {error}") from None
                found = {
                    f"{group}/{key}": _digest(tensor)
                    for group, tensors in checkpoint.tensors.items()
                    for key, tensor in tensors.items()
                }
                found |= {f"state/{key}": value for key, value in _leaves(checkpoint.state)}
                with self._task.notes.open("a") as file:
                    file.write(json.dumps({"round": round, "found": found}) + "\n")

    def say(self, text: str) -> None: ...

    def begin(self, rounds: int, done: int, batch: int) -> None: ...

    def round(self, done: int) -> None:
        self.note()
        if done == self._task.stop:
            os.kill(os.getpid(), self._task.signal)

    def figures(self, round: int, values: Mapping[str, float]) -> None: ...

    def verdict(self, told: Told) -> None: ...

    def end(self) -> None: ...


def _note_data(task: Task, registry: Registry) -> None:
    """The digest of each field of each batch, made in the order that the task says."""
    training = Training(trial_recipe(task, registry), task.device)
    with task.notes.open("a") as file:
        for position in task.data:
            batch = training.stream.batch(position)
            found = {field: _digest(tensor) for field, tensor in batch.items()}
            file.write(json.dumps({"round": position, "found": found}) + "\n")


def _digest(tensor: Tensor) -> str:
    raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return hashlib.sha256(raw.numpy().tobytes()).hexdigest()[:16]


def _leaves(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _leaves(each, f"{at}.{key}" if at else str(key))
    else:
        yield at, json.dumps(value)


def _end_with_the_parent() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    told = json.loads(sys.argv[1])
    carry_out(Task(**{**told, "root": Path(told["root"]), "notes": Path(told["notes"])}))
