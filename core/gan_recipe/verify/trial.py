"""One process of ``verify-resume``: trains, stops where it is told to, and notes digests of everything, round by round.

``python -m gan_recipe.verify.trial`` takes one ``Trial`` as JSON. It trains by the functions of ``gan-recipe run``.
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
from gan_recipe.verify.verify_resume import Trial, trial_recipe


def carry_out(trial: Trial) -> None:
    """Do what the trial says. A trial that ends by a kill does not return."""
    registry = Registry.installed()
    if trial.data:
        _note_data(trial, registry)
        return
    folder = RunFolder(trial.root / "run" / "1")
    watch = _Watch(trial, folder)
    if folder.path.exists():
        resume(str(folder.path), registry, watch, device=trial.device)
    else:
        start(trial_recipe(trial, registry), registry, watch, name="run", device=trial.device, root=trial.root)
    watch.note()


class _Watch:
    """A screen on which nothing is seen, from which a trial is stopped."""

    def __init__(self, trial: Trial, folder: RunFolder) -> None:
        self._trial, self._folder = trial, folder
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
                with self._trial.notes.open("a") as file:
                    file.write(json.dumps({"round": round, "found": found}) + "\n")

    def say(self, text: str) -> None: ...

    def begin(self, rounds: int, done: int, batch: int) -> None: ...

    def round(self, done: int) -> None:
        self.note()
        if done == self._trial.stop:
            os.kill(os.getpid(), self._trial.signal)

    def figures(self, round: int, values: Mapping[str, float]) -> None: ...

    def verdict(self, told: Told) -> None: ...

    def end(self) -> None: ...


def _note_data(trial: Trial, registry: Registry) -> None:
    """The digest of each field of each batch, made in the order that the trial says."""
    training = Training(trial_recipe(trial, registry), trial.device)
    with trial.notes.open("a") as file:
        for position in trial.data:
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
    carry_out(Trial(**{**told, "root": Path(told["root"]), "notes": Path(told["notes"])}))
