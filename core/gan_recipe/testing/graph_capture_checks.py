"""What torch's graph captures ask of a network: seconds each, so these are slow checks."""

from __future__ import annotations

import inspect

import torch
from torch import Tensor

from gan_recipe.testing.examples import BATCH, built, farthest, inputs, leaves
from gan_recipe.testing.trial import Failure, Trial, first_line


def torch_compile(trial: Trial) -> None:
    """``torch.compile`` captures the whole network, forward and backward, and changes no number beyond rounding.

    With the trial's backend: ``aot_eager`` tries what is captured, ``inductor`` also the code that is made of it.
    """
    module, given = built(trial).eval(), inputs(trial)
    expected = module(*given)
    torch.compiler.reset()
    compiled = torch.compile(module, backend=trial.backend, fullgraph=True)
    try:
        found = compiled(*given)
    except Exception as error:
        if "compiler" not in str(error).lower():
            raise
        raise Failure(
            f"{trial.backend}: {first_line(error)}",
            "a machine that can build what is compiled",
            'install a C++ compiler such as g++, or leave the trial\'s backend at "aot_eager"',
        ) from error
    if (distance := farthest(_cut(found), _cut(expected))) > 1e-4:
        raise Failure(f"a difference of {distance:.2g}", "the same output", "see which operation is captured wrongly")
    for parameter, (one, two) in _gradients(module, expected, found).items():
        if (distance := farthest(one, two)) > 1e-3:
            raise Failure(f"the gradient of {parameter} differs by {distance:.2g}", "the same", "see its backward")


def torch_export(trial: Trial) -> None:
    """``torch.export`` captures the network in eval mode for batches of any size."""
    module, given = built(trial).eval(), inputs(trial)
    batch = torch.export.Dim("batch", min=2, max=64)
    dynamic = tuple(tuple({0: batch} for _ in value) if isinstance(value, tuple) else {0: batch} for value in given)
    star = _star(module)
    with torch.no_grad():
        shapes = {star: dynamic} if star else dynamic
        program = torch.export.export(module, tuple(given), dynamic_shapes=shapes)
        other = inputs(trial, BATCH + 2, seed=9)
        if (distance := farthest(program.module()(*other), module(*other))) > 1e-4:
            raise Failure(
                f"a difference of {distance:.2g}", "the same output for another batch", "read no size in build"
            )


def _gradients(module: torch.nn.Module, first: object, second: object) -> dict[str, tuple[Tensor, Tensor]]:
    found: list[dict[str, Tensor]] = []
    for output in (first, second):
        module.zero_grad()
        if grads := [tensor for tensor in leaves(output) if tensor.requires_grad]:
            torch.stack([tensor.sin().sum() for tensor in grads]).sum().backward()  # type: ignore[no-untyped-call]
        found.append({name: p.grad.clone() for name, p in module.named_parameters() if p.grad is not None})
    return {name: (found[1][name], found[0][name]) for name in found[0]}


def _cut(value: object) -> tuple[Tensor, ...]:
    return tuple(tensor.detach() for tensor in leaves(value))


def _star(module: torch.nn.Module) -> str | None:
    """The name of ``*inputs`` where forward takes them so: torch.export wants their shapes under that name."""
    parameters = inspect.signature(module.forward).parameters.values()
    return next((each.name for each in parameters if each.kind is each.VAR_POSITIONAL), None)
