"""A value of a run as a file for others: safetensors, a torch program, ONNX. Each is compared before it stays."""

from __future__ import annotations

import copy
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gan_recipe.engine.graph import Graph
from gan_recipe.engine.training import Training
from gan_recipe.errors import UserError, did_you_mean
from gan_recipe.exports import exported
from gan_recipe.exports.formats import FILES, WRITERS, flat
from gan_recipe.exports.model_card import model_card
from gan_recipe.exports.parity import SIZES, Parity, compared
from gan_recipe.language.dataflow import Node
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import plain
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder


def export(
    run: RunFolder, training: Training, round: int, value: str, formats: Sequence[str], folder: Path
) -> list[Parity]:
    """Write ``value`` of a restored ``training`` into ``folder`` in each of ``formats``, with a model card.

    Nothing is left in ``folder`` unless every format was written, read back and agrees with the live networks at every
    size in ``SIZES``. Raises UserError for a value that does not exist, a folder of something else, a format whose
    package is missing or that cannot hold the value, and RunError when an export disagrees.
    """
    recipe = training.recipe
    if value not in recipe.values:
        raise UserError(f"{run.name} has no value {value!r}.{did_you_mean(value, recipe.values)}")
    if folder.exists() and not (folder / exported.TOLD).is_file() and any(folder.iterdir()):
        raise UserError(f"{folder} holds something else; give --out a folder that is new or an earlier export")
    node = recipe.values[value]
    module = exported.value_module(node, _averaged_copies(training, node))
    batches = _batches(training, node)
    with training.averaged():
        live = Graph({name: training.graph.networks[name] for name in node.networks})
        expected = {size: flat(live.evaluate([node], batch)[0]) for size, batch in batches.items()}
    names = exported.input_names(node)
    inputs = {size: {names[field]: tensor for field, tensor in batch.items()} for size, batch in batches.items()}
    beside = folder.parent / f".{folder.name}.{os.getpid()}"
    try:
        beside.mkdir(parents=True)
        told = _told(run, recipe, round, value, node, expected[1])
        (beside / exported.TOLD).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        (beside / exported.RECIPE).write_text(plain(recipe.resolved_tables), encoding="utf-8")
        found = []
        for format in formats:
            call = WRITERS[format](module, node, inputs[max(SIZES)], beside)
            found.append(compared(format, call, inputs, expected))
        sheets = sorted(run.sheets.glob("round-*.png"))
        if sheets:
            shutil.copyfile(sheets[-1], beside / "sheet.png")
        card = model_card(run, recipe, told, found, [FILES[format] for format in formats], sheet=bool(sheets))
        (beside / "README.md").write_text(card, encoding="utf-8")
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(beside, folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return found


def restored(run: RunFolder, at: int | None) -> tuple[Training, int]:
    """A run's networks as they were in the checkpoint of round ``at`` or the newest, on the CPU; and that round."""
    from gan_recipe.runs.checkpoint import load_chosen

    run.describe()
    loaded = load_chosen(run, at)
    training = Training(check(str(run.recipe), starts=None))
    training.restore(loaded)
    return training, loaded.round


def _averaged_copies(training: Training, node: Node) -> dict[str, nn.Module]:
    """The networks below the value as plain modules: averaged weights, no parametrizations, NCHW, no gradients."""
    with training.averaged():
        copies = {name: copy.deepcopy(training.graph.networks[name]) for name in node.networks}
    for network in copies.values():
        network.eval().requires_grad_(False)
        for module in list(network.modules()):
            if parametrize.is_parametrized(module):
                _make_plain(module)
        network.to(memory_format=torch.contiguous_format)
    return copies


def _make_plain(module: nn.Module) -> None:
    # Not torch's remove_parametrizations: it takes the property off a class that the live module shares with its copy.
    names = list(module.parametrizations)  # type: ignore[arg-type]
    weights = {name: getattr(module, name).detach().clone() for name in names}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, weight in weights.items():
        module.register_parameter(name, nn.Parameter(weight, requires_grad=False))


def _batches(training: Training, node: Node) -> dict[int, dict[str, Tensor]]:
    """Held-out samples by batch size: what the live networks and the export are both given."""
    stream = training.open_stream(frozenset(exported.input_names(node)), held_out=True)
    whole = stream.in_time(0, max(SIZES))
    return {size: {field: tensor[:size].contiguous() for field, tensor in whole.items()} for size in SIZES}


def _told(
    run: RunFolder, recipe: Recipe, round: int, value: str, node: Node, outputs: Sequence[Tensor]
) -> dict[str, Any]:
    """What ``value.json`` says: enough to make the module again, and where it came from."""
    description = run.describe()
    return {
        "value": value,
        "inputs": exported.input_names(node),
        "outputs": [["batch", *output.shape[1:]] for output in outputs],
        "fields": {
            name: {"shape": list(field.shape), "dtype": field.dtype, "classes": field.classes}
            for name, field in recipe.fields.items()
        },
        "run": run.name,
        "round": round,
        "averaged": any(
            player.ema is not None and node.networks & {*player.trains} for player in recipe.players.values()
        ),
        "parents": description.get("parents", {}),
        "data": description.get("data", {}),
        "versions": description.get("versions", {}),
    }
