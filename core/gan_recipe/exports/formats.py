"""The formats in which a value is written: safetensors, a torch program, ONNX; each is read back as others would."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, fx

from gan_recipe.errors import UserError
from gan_recipe.exports import exported
from gan_recipe.language.dataflow import Node

#: By format, the file that is written.
FILES = {"safetensors": exported.WEIGHTS, "torch": "model.pt2", "onnx": "model.onnx"}

Call = Callable[[Mapping[str, Tensor]], Sequence[Tensor]]


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


#: By format: writes it, and gives what reads it back.
WRITERS = {"safetensors": _write_safetensors, "torch": _write_torch, "onnx": _write_onnx}


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
    told = f"the value cannot be exported as {format}: {first_line(error)}. "
    return UserError(told + "Its weights and recipe can: --format safetensors")


def _output_names(module: fx.GraphModule, inputs: Mapping[str, Tensor]) -> list[str]:
    with torch.no_grad():
        outputs = flat(module(**inputs))
    return ["output"] if len(outputs) == 1 else [f"output_{number}" for number in range(len(outputs))]


def _without_gradients(module: Callable[..., Any]) -> Call:
    def call(batch: Mapping[str, Tensor]) -> list[Tensor]:
        with torch.no_grad():
            return flat(module(**batch))

    return call


def flat(value: Any) -> list[Tensor]:
    """The tensors of a value, which may be a tuple of them."""
    return [value] if isinstance(value, Tensor) else [tensor for each in value for tensor in flat(each)]


def first_line(error: BaseException) -> str:
    """The first line of what an error says, or its type."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__).rstrip(".")
