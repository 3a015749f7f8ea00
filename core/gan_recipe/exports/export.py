"""A value of a run as a file for others: safetensors, a torch program, ONNX. Each is compared before it stays."""

from __future__ import annotations

import copy
import json
import os
import shutil
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from attrs import frozen
from safetensors.torch import save_file
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from gan_recipe.engine.graph import Graph
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError, UserError, did_you_mean
from gan_recipe.exports import exported
from gan_recipe.exports.model_card import model_card
from gan_recipe.language.dataflow import Node
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import plain
from gan_recipe.runs.check_recipe import check
from gan_recipe.runs.run_folder import RunFolder

#: By format, the file that is written.
FILES = {"safetensors": exported.WEIGHTS, "torch": "model.pt2", "onnx": "model.onnx"}
#: Batch sizes at which an export is compared with the live networks: one, an odd one, and more than it was traced at.
SIZES = (1, 3, 8)
# Other kernels add in another order, and a norm layer over an even grey enlarges that: 5e-4 of the largest number was
# seen between two layouts of the same weights in float32. Ten times less is usual; a wrong weight gives far more.
_TOLERANCE = 1e-3

Call = Callable[[Mapping[str, Tensor]], Sequence[Tensor]]


@frozen
class Parity:
    """How far an exported value is from the live networks, as the largest absolute difference of any number."""

    format: str
    #: By batch size.
    difference: Mapping[int, float]
    #: The largest absolute value that the live networks gave.
    scale: float


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
        expected = {size: _flat(live.evaluate([node], batch)[0]) for size, batch in batches.items()}
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
            call = _WRITERS[format](module, node, inputs[max(SIZES)], beside)
            found.append(_compare(format, call, inputs, expected))
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


def _compare(
    format: str,
    call: Call,
    inputs: Mapping[int, Mapping[str, Tensor]],
    expected: Mapping[int, Sequence[Tensor]],
) -> Parity:
    difference = {}
    for size, batch in inputs.items():
        try:
            found = call(batch)
        except Exception as error:  # three runtimes, each with its own
            raise UserError(f"the {format} export does not take a batch of {size}: {_first_line(error)}") from error
        pairs = list(zip(expected[size], found, strict=True))
        if any(theirs.shape != mine.shape for mine, theirs in pairs):
            shapes = "; ".join(f"{tuple(theirs.shape)} for {tuple(mine.shape)}" for mine, theirs in pairs)
            raise RunError(f"the {format} export gives other shapes at batch {size}: {shapes}. Nothing was kept")
        difference[size] = max(float((mine - theirs).abs().max()) for mine, theirs in pairs)
    scale = max(float(tensor.abs().max()) for tensors in expected.values() for tensor in tensors)
    worst = max(difference.values())
    if not worst <= _TOLERANCE * max(scale, 1.0):
        raise RunError(
            f"the {format} export differs from the live networks by {worst:.3g} where these give up to {scale:.3g}. "
            "Nothing was kept"
        )
    return Parity(format, difference, scale)


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


# ---------------------------------------------------------------------------------------------------- the formats


def _write_safetensors(module: fx.GraphModule, node: Node, inputs: Mapping[str, Tensor], folder: Path) -> Call:
    path = folder / FILES["safetensors"]
    save_file(exported.weights_of(module, node), path)
    path.chmod((folder / exported.TOLD).stat().st_mode)  # safetensors writes for the owner alone
    loaded = exported.load_value(folder)
    return _without_gradients(loaded)


def _write_torch(module: fx.GraphModule, node: Node, inputs: Mapping[str, Tensor], folder: Path) -> Call:
    path = folder / FILES["torch"]
    torch.export.save(_program(module, inputs, "torch"), path)
    return _without_gradients(torch.export.load(path).module())


def _write_onnx(module: fx.GraphModule, node: Node, inputs: Mapping[str, Tensor], folder: Path) -> Call:
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise UserError(f"{error.name} is not installed: pip install 'gan-recipe[export]'") from None
    path = folder / FILES["onnx"]
    program = _program(module, inputs, "onnx")
    outputs = _output_names(module, inputs)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = torch.onnx.export(
                program, input_names=list(inputs), output_names=outputs, dynamo=True, verbose=False
            )
        assert made is not None
        made.save(path)
    except Exception as error:  # the exporter's own errors are many and not public
        raise _cannot("onnx", error) from error
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def call(batch: Mapping[str, Tensor]) -> list[Tensor]:
        return [torch.from_numpy(array) for array in session.run(None, {n: t.numpy() for n, t in batch.items()})]

    return call


_WRITERS = {"safetensors": _write_safetensors, "torch": _write_torch, "onnx": _write_onnx}


def _program(module: fx.GraphModule, inputs: Mapping[str, Tensor], format: str) -> torch.export.ExportedProgram:
    batch = torch.export.Dim("batch", min=1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.export.export(
                module, (), dict(inputs), dynamic_shapes={name: {0: batch} for name in inputs}, strict=False
            )
    except Exception as error:  # the exporter's own errors are many and not public
        raise _cannot(format, error) from error


def _cannot(format: str, error: Exception) -> UserError:
    told = f"the value cannot be exported as {format}: {_first_line(error)}. "
    return UserError(told + "Its weights and recipe can: --format safetensors")


def _output_names(module: fx.GraphModule, inputs: Mapping[str, Tensor]) -> list[str]:
    with torch.no_grad():
        outputs = _flat(module(**inputs))
    return ["output"] if len(outputs) == 1 else [f"output_{number}" for number in range(len(outputs))]


def _without_gradients(module: Callable[..., Any]) -> Call:
    def call(batch: Mapping[str, Tensor]) -> list[Tensor]:
        with torch.no_grad():
            return _flat(module(**batch))

    return call


def _flat(value: Any) -> list[Tensor]:
    return [value] if isinstance(value, Tensor) else [tensor for each in value for tensor in _flat(each)]


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
