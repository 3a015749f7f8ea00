"""Checkpoints: data only, complete or absent, verified before a byte of them is believed.

A checkpoint is a folder: tensors in safetensors files, everything else in ``state.json``, and a manifest with the
sha256 of each. It is written under another name, synced, and renamed; what can be seen is whole. A flipped bit loads
without an error from either safetensors or torch.save, so the checksums are not optional.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from gan_recipe.errors import RunError, UserError
from gan_recipe.runs.durable import sync
from gan_recipe.runs.run_folder import RunFolder, checkpoint_rounds

_MANIFEST = "manifest.json"
_STATE = "state.json"
# A name in a manifest is a file of the checkpoint's own folder, whoever wrote it.
_FILE = re.compile(r"[A-Za-z0-9][\w-]*\.safetensors|state\.json", re.ASCII)


@frozen
class Checkpoint:
    """The state of a run before ``round``."""

    round: int
    #: Groups of tensors by name; each group is a file.
    tensors: Mapping[str, Mapping[str, Tensor]]
    state: Mapping[str, Any]
    #: The sha256 of the manifest, which holds those of all files.
    sha256: str = ""


class BrokenCheckpointError(Exception):
    """The folder is not what was written; the message names the file."""


def save(run: RunFolder, checkpoint: Checkpoint, *, keep: int, keep_at: Collection[int] = ()) -> Path:
    """Write the checkpoint, then remove all but those of ``keep_at`` and the ``keep`` newest others.

    Raises RunError when it cannot be written.
    """
    folder = run.checkpoints
    final = folder / f"{checkpoint.round:08d}"
    litter = folder / f".{final.name}.{os.getpid()}"
    try:
        # Not its parents: a run whose folder somebody took away would go on in one that nobody can resume.
        folder.mkdir(exist_ok=True)
        litter.mkdir()
        for name, group in checkpoint.tensors.items():
            # safetensors stores neither strides nor shared memory: both are the modules' business, not the file's.
            save_file(
                {key: tensor.detach().cpu().contiguous() for key, tensor in group.items()},
                litter / f"{name}.safetensors",
            )
        # What the run has said up to here belongs to its state: it is cut back to this when it resumes.
        lengths = run.lengths()
        state = {"round": checkpoint.round, "lengths": lengths, **checkpoint.state}
        (litter / _STATE).write_text(json.dumps(state, indent=1))
        sums = {path.name: _sha256(path) for path in sorted(litter.iterdir())}
        (litter / _MANIFEST).write_text(json.dumps(sums, indent=1))
        for path in [*litter.iterdir(), litter, *(run.path / name for name in lengths)]:
            sync(path)
        if final.exists():
            _discard(final)
        os.replace(litter, final)
        sync(folder)
        kept = checkpoint_rounds(run)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(litter, ignore_errors=True)
        raise RunError(f"the checkpoint of round {checkpoint.round} cannot be written: {error}") from error
    for old in [round for round in kept if round not in keep_at][:-keep]:
        _discard(folder / f"{old:08d}")
    return final


def recoveries_before(run: RunFolder, round: int) -> int | None:
    """How often the run had gone back when it made the checkpoint; None where that cannot be read."""
    try:
        state = json.loads((run.checkpoints / f"{round:08d}" / _STATE).read_text(encoding="utf-8"))
        return int(state.get("recoveries", 0))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError):
        return None


def discard(run: RunFolder, round: int) -> None:
    """Remove a checkpoint."""
    _discard(run.checkpoints / f"{round:08d}")


def sweep(run: RunFolder) -> None:
    """Remove what a killed writer left."""
    for path in run.checkpoints.glob(".[0-9]*"):
        shutil.rmtree(path, ignore_errors=True)


def _discard(path: Path) -> None:
    """Remove a checkpoint; it is gone from sight before its first file is."""
    gone = path.with_name(f".{path.name}.{os.getpid()}.old")
    try:
        os.replace(path, gone)
    except OSError:
        return
    shutil.rmtree(gone, ignore_errors=True)


def load_newest(run: RunFolder) -> tuple[Checkpoint, list[str]]:
    """The newest checkpoint that verifies, and a sentence for each newer one that does not. Raises RunError."""
    skipped: list[str] = []
    for round in reversed(checkpoint_rounds(run)):
        try:
            return load(run, round), skipped
        except BrokenCheckpointError as error:
            skipped.append(f"the checkpoint of round {round} is damaged ({error}) and was skipped")
    raise RunError("; ".join([f"{run.name} holds no checkpoint that can be used", *skipped]))


def load_chosen(run: RunFolder, at: int | None) -> Checkpoint:
    """The checkpoint of round ``at``, or the newest that verifies. UserError or RunError without one."""
    if at is None:
        return load_newest(run)[0]
    have = checkpoint_rounds(run)
    if at not in have:
        kept = ", ".join(map(str, have)) or "none"
        raise UserError(f"{run.name} keeps no checkpoint of round {at}; it has: {kept}")
    try:
        return load(run, at)
    except BrokenCheckpointError as error:
        raise UserError(f"the checkpoint {run.name}@{at} is damaged: {error}") from None


def set_aside(run: RunFolder, after: int) -> None:
    """Rename the checkpoints after a round, which did not verify: they neither count as kept nor are lost."""
    for round in checkpoint_rounds(run):
        if round > after:
            path = run.checkpoints / f"{round:08d}"
            aside = path.with_name(f"{path.name}.damaged")
            try:
                shutil.rmtree(aside, ignore_errors=True)
                os.replace(path, aside)
            except OSError as error:
                raise RunError(f"the damaged checkpoint {path} cannot be renamed: {error.strerror}") from error


def load(run: RunFolder, round: int) -> Checkpoint:
    """Read and verify one checkpoint. Raises BrokenCheckpointError naming the file."""
    path = run.checkpoints / f"{round:08d}"
    at = _MANIFEST
    try:
        manifest = (path / _MANIFEST).read_bytes()
        sums = _sums(manifest)
        for at, expected in sums.items():
            if _sha256(path / at) != expected:
                raise BrokenCheckpointError(f"{at} does not match its checksum")
        at = _STATE
        state = json.loads((path / _STATE).read_text(encoding="utf-8"))
        if state.get("round") != round:
            raise BrokenCheckpointError(f"{_STATE} belongs to round {state.get('round')}")
        tensors = {}
        for at in sums:
            if at != _STATE:
                tensors[at.removesuffix(".safetensors")] = load_file(path / at)
    except OSError as error:
        raise BrokenCheckpointError(f"{at} cannot be read: {error.strerror or error}") from error
    except (ValueError, AttributeError, RecursionError, SafetensorError) as error:
        raise BrokenCheckpointError(f"{at}: {error}") from error
    return Checkpoint(round, tensors, state, hashlib.sha256(manifest).hexdigest())


def _sums(manifest: bytes) -> dict[str, str]:
    """The checksums by file. Raises ValueError for whatever is no manifest of a checkpoint."""
    sums = json.loads(manifest)
    if not isinstance(sums, dict) or not {_STATE, "networks.safetensors"} <= sums.keys():
        raise ValueError(f"expected the checksums of {_STATE}, networks.safetensors and others")
    for name in sums:
        if not _FILE.fullmatch(name):
            raise ValueError(f"{name!r} is no file of a checkpoint")
    return sums


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as tensors by ``index/name``, and everything else as JSON."""
    state = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    other: dict[str, Any] = {"groups": state["param_groups"], "values": {}}
    for index, entries in state["state"].items():
        for name, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{index}/{name}"] = value
            else:
                other["values"][f"{index}/{name}"] = value
    return tensors, other


def restore_optimizer(
    optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor], other: Mapping[str, Any]
) -> None:
    """The reverse of ``optimizer_tensors``."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for key, value in {**other["values"], **tensors}.items():
        index, _, name = key.partition("/")
        parameter = parameters[int(index)]
        if isinstance(value, Tensor) and value.shape == parameter.shape:
            # Fused optimisers walk parameter and state as they lie in memory: both must lie alike (NHWC or not).
            value = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        state.setdefault(int(index), {})[name] = value
    groups = [
        {key: tuple(value) if isinstance(value, list) and key == "betas" else value for key, value in group.items()}
        for group in other["groups"]
    ]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
