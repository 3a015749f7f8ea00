"""Tensors for a check, made from fields; and a function with a slope to hand to losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_recipe.components.signature import annotation, call_parameters, is_required
from gan_recipe.interfaces import Field
from gan_recipe.testing.trial import Failure, Trial, Value, first_line

BATCH = 4
_LABELS = Field((), "int64", 4)
_MAP = Field((8, 4, 4))
# What networks of each kind usually take: tried in this order where a trial states no inputs.
_USUAL_INPUTS: dict[str, tuple[tuple[Value, ...], ...]] = {
    "encoder": ((Field((3, 64, 64)),), (_LABELS,), (Field((16,)),)),
    "decoder": ((_MAP,), (Field((16,)),), ((Field((8, 8, 8)), Field((8, 4, 4))),)),
    "head": ((_MAP,), (_MAP, _LABELS), (Field((16,)),)),
}
# What the float parameters of losses and metrics usually are: one score a sample, or images.
_USUAL_READS = (Field((1,)), Field((3, 8, 8)))
_OF_LABELS = ("labels", "label", "identity", "classes", "mode", "modes", "same")


def tensors(value: Value, batch: int, seed: int) -> Any:
    """A tensor (or a tuple of them) of the field: uniform in [-1, 1], or labels."""
    if isinstance(value, tuple):
        return tuple(tensors(each, batch, seed + 100 * index) for index, each in enumerate(value))
    random = torch.Generator().manual_seed(seed)
    if value.dtype == "int64":
        return torch.randint(value.classes or 2, (batch, *value.shape), generator=random)
    return torch.rand(batch, *value.shape, generator=random) * 2 - 1


def each(value: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """The value with every tensor of it changed."""
    return tuple(map(change, value)) if isinstance(value, (tuple, list)) else change(value)


def leaves(value: Any) -> list[Tensor]:
    """The tensors of a value."""
    return list(value) if isinstance(value, (tuple, list)) else [value]


def floating(values: Sequence[Any]) -> list[Tensor]:
    """The tensors that can have a gradient."""
    return [tensor for value in values for tensor in leaves(value) if tensor.is_floating_point()]


def inputs(trial: Trial, batch: int = BATCH, seed: int = 1) -> list[Any]:
    """What the network of the trial is called with."""
    return [tensors(value, batch, seed + index) for index, value in enumerate(_input_fields(trial))]


def built(trial: Trial, seed: int = 0) -> nn.Module:
    """The network of the trial, in training mode, from a seed."""
    return _build(trial, _input_fields(trial), seed)


def reads(trial: Trial, batch: int = BATCH, seed: int = 1) -> dict[str, Tensor]:
    """What the loss or the metric of the trial reads: tensors by parameter, functions and examples left out."""
    return {
        name: tensors(field, batch, seed + index)
        for index, (name, field) in enumerate(read_fields(trial).items())
        if kind_of(trial, name) == "Tensor"
    }


def read_fields(trial: Trial) -> dict[str, Value]:
    """The fields of all parameters that the trial states and of those that are required."""
    stated = dict(trial.reads)
    parameters = call_parameters(trial.cls)
    if unknown := [name for name in stated if name not in parameters]:
        raise Failure(
            f"the trial states {', '.join(unknown)}, which {trial.cls.__name__} does not read",
            f"some of {', '.join(parameters)}",
            "correct trial.reads",
        )
    required = [name for name, parameter in parameters.items() if is_required(parameter)]
    missing = [name for name in required if name not in stated and kind_of(trial, name) != "Function"]
    for usual in _USUAL_READS if not stated else _USUAL_READS[:1]:
        chosen = stated | {name: _LABELS if name in _OF_LABELS else usual for name in missing}
        if not missing or usual == _USUAL_READS[-1] or _accepts(trial, chosen):
            return {name: chosen[name] for name in parameters if name in chosen}
    return {name: chosen[name] for name in parameters if name in chosen}


def kind_of(trial: Trial, parameter: str) -> str:
    """``Tensor``, ``Function`` or ``Examples``."""
    stated = annotation(call_parameters(trial.cls)[parameter])
    return stated if stated in ("Function", "Examples") else "Tensor"


def functions(trial: Trial) -> dict[str, ExampleFunction]:
    """A function for each parameter that takes one."""
    parameters = call_parameters(trial.cls)
    return {name: ExampleFunction() for name in parameters if kind_of(trial, name) == "Function"}


class ExampleFunction:
    """A small smooth critic, for samples of any shape: one hidden layer of tanh, one score a sample."""

    def __init__(self) -> None:
        self.weights: list[Tensor] = []

    def __call__(self, input: Tensor) -> Tensor:
        flat = input.flatten(1)
        if not self.weights:
            random = torch.Generator().manual_seed(flat.shape[1])
            shapes = ((flat.shape[1], 5), (5, 1))
            made = [torch.randn(shape, generator=random, dtype=torch.float64) / shape[0] ** 0.5 for shape in shapes]
            self.weights = [weight.to(flat.device, flat.dtype).requires_grad_() for weight in made]
        first, second = (weight.to(flat.dtype) for weight in self.weights)
        return torch.tanh(flat @ first) @ second


def same(one: Any, two: Any) -> bool:
    """Whether two values are equal, number by number."""
    return all(torch.equal(first, second) for first, second in zip(leaves(one), leaves(two), strict=True))


def farthest(one: Any, two: Any) -> float:
    """The largest difference of two values, relative to the size of the second where that is above 1."""
    return max(
        float(((first.double() - second.double()).abs() / second.double().abs().clamp_min(1)).max())
        for first, second in zip(leaves(one), leaves(two), strict=True)
    )


def shapes(value: Any) -> str:
    """Shapes for a message."""
    return " and ".join(f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}" for tensor in leaves(value))


def _input_fields(trial: Trial) -> Sequence[Value]:
    if trial.inputs is not None:
        return trial.inputs
    tried = _USUAL_INPUTS[trial.kind]
    for fields in tried:
        try:
            _build(trial, fields, 0)(*(tensors(value, BATCH, 1) for value in fields))
        except Exception:
            continue
        return fields
    return tried[0]


def _build(trial: Trial, fields: Sequence[Value], seed: int) -> nn.Module:
    examples = [tensors(value, BATCH, 1 + index) for index, value in enumerate(fields)]
    network = trial.made()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            module = network.build(*examples)
        except Exception as error:
            raise Failure(
                f"build fails on inputs of {'; '.join(map(shapes, examples))}: {first_line(error)}",
                "a network for example inputs",
                "state inputs that it takes, such as inputs=[Field((3, 64, 64))]",
            ) from error
    if not isinstance(module, nn.Module):
        raise Failure(f"build returns a {type(module).__name__}", "a torch.nn.Module", "return the module")
    return module.train()


def _accepts(trial: Trial, fields: Mapping[str, Value]) -> bool:
    try:
        given: dict[str, Any] = {
            name: tensors(field, BATCH, 1) for name, field in fields.items() if kind_of(trial, name) == "Tensor"
        }
        trial.made()(**given, **functions(trial))
    except Exception:
        return False
    return True
