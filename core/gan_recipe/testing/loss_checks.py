"""What losses promise: one finite number, a gradient that is right, and no way to broadcast samples into each other."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from gan_recipe.testing.examples import functions, read_fields, reads, shapes, tensors
from gan_recipe.testing.trial import Failure, Trial, first_line

_FAR = 1e4
_STEP = 1e-6


def returns_one_number(trial: Trial) -> None:
    """A finite scalar in float32, which depends on something that can learn."""
    given = _differentiable(reads(trial))
    called = functions(trial)
    loss = _loss(trial, given, called)
    if not loss.isfinite():
        raise Failure(f"{loss.item()}", "a finite number", "see which operation makes it")
    if not loss.requires_grad:
        raise Failure("the loss depends on nothing that is read", "a gradient", "detach less, or read what it measures")


def the_gradient_is_right(trial: Trial) -> None:
    """In float64 the gradient agrees with finite differences, for each read and each function that it reaches."""
    given = _differentiable({name: _double(tensor) for name, tensor in reads(trial).items()})
    called = functions(trial)
    loss = _loss(trial, given, called)
    owners: list[tuple[str, Tensor]] = [(name, t) for name, t in given.items() if t.requires_grad]
    owners += [(f"a weight of {name}", weight) for name, each in called.items() for weight in each.weights]
    gradients = torch.autograd.grad(loss, [tensor for _, tensor in owners], allow_unused=True)
    random = torch.Generator().manual_seed(7)
    for (name, tensor), gradient in zip(owners, gradients, strict=True):
        if gradient is None:
            continue  # cut off on purpose, such as the target of a perceptual loss
        direction = torch.randn(tensor.shape, generator=random, dtype=torch.float64)
        values = []
        for sign in (1.0, -2.0, 1.0):
            with torch.no_grad():
                tensor.add_(direction, alpha=sign * _STEP)
            values.append(float(_loss(trial, given, called).detach()))
        expected = (values[0] - values[1]) / (2 * _STEP)
        found = float((gradient * direction).sum())
        if not abs(found - expected) <= 1e-4 * abs(expected) + 1e-7 * (1 + abs(values[2])):
            raise Failure(
                f"the derivative by {name} is {found:.8g}",
                f"{expected:.8g}, by finite differences",
                "see what is detached, rounded, or differentiated by hand",
            )


def finite_at_extremes(trial: Trial) -> None:
    """With every read at -10,000, 0 or 10,000, in any combination, the loss and its gradients are finite."""
    given = reads(trial)
    far = [name for name, tensor in given.items() if tensor.is_floating_point()]
    for values in itertools.product((-_FAR, 0.0, _FAR), repeat=len(far)):
        stated = dict(zip(far, values, strict=True))
        moved = {name: torch.full_like(t, stated[name]) if name in stated else t for name, t in given.items()}
        moved = _differentiable(moved)
        called = functions(trial)
        loss = _loss(trial, moved, called)
        owners = [t for t in moved.values() if t.requires_grad] + [w for each in called.values() for w in each.weights]
        gradients = torch.autograd.grad(loss, owners, allow_unused=True) if loss.requires_grad else ()
        if not all(bool(t.isfinite().all()) for t in (loss.detach(), *(g for g in gradients if g is not None))):
            at = ", ".join(f"{name} = {value:g}" for name, value in stated.items())
            what = f"the loss is {loss.item()}" if not loss.isfinite() else "a gradient is NaN or infinite"
            raise Failure(
                f"{what} at {at}",
                "finite numbers: a run whose loss is not is over",
                "use the stable forms (softplus, logsigmoid, log_softmax), and norms in place of square roots",
            )


def precise_in_bfloat16(trial: Trial) -> None:
    """Reads in bfloat16, as autocast makes them, give a float32 loss that is right to their own precision."""
    given = {name: t.bfloat16() if t.is_floating_point() else t for name, t in reads(trial).items()}
    expected = _loss(trial, {name: _double(t) for name, t in given.items()}, functions(trial))
    found = _loss(trial, given, functions(trial))
    if found.dtype != torch.float32:
        raise Failure(f"a loss in {found.dtype}", "torch.float32", "compute in float32: call .float() on what is read")
    # A function that is handed bfloat16 answers in it, so the sums above it have its 8 bits.
    allowed = 0.1 if functions(trial) else 1e-4
    if not abs(float(found) - float(expected)) <= allowed * (1 + abs(float(expected))):
        raise Failure(f"{float(found):.6g}", f"{float(expected):.6g}, as in float64", "call .float() before any sum")


def the_same_every_time(trial: Trial) -> None:
    """From one seed of torch's the loss is the same twice, and what it reads is left as it was."""
    given = reads(trial)
    before = {name: tensor.clone() for name, tensor in given.items()}
    first, second = (float(_loss(trial, given, functions(trial))) for _ in range(2))
    if first != second:
        raise Failure(f"{first} and then {second}", "the same", "keep no state; draw from torch's global generator")
    if changed := [name for name in given if not torch.equal(given[name], before[name])]:
        raise Failure(f"{', '.join(changed)} changed in place", "reads as they were", "use no in-place operation")


def takes_a_batch_of_one(trial: Trial) -> None:
    """The last batch of a data set may be one sample."""
    loss = _loss(trial, reads(trial, batch=1), functions(trial))
    if not loss.isfinite():
        raise Failure(f"{loss.item()} for one sample", "a finite number", "take no variance over the batch")


def does_not_broadcast_samples(trial: Trial) -> None:
    """Scores (B, 1) beside scores (B,) are refused or mean the same: torch would broadcast them to B x B in silence."""
    given = reads(trial)
    columns = [name for name, t in given.items() if t.is_floating_point() and t.dim() == 2 and t.shape[1] == 1]
    for name in columns if len(columns) > 1 else ():
        expected = float(_loss(trial, given, functions(trial)))
        try:
            found = float(_loss(trial, given | {name: given[name].squeeze(1)}, functions(trial)))
        except (ValueError, RuntimeError, IndexError):
            continue
        if not abs(found - expected) <= 1e-5 * (1 + abs(expected)):
            others = ", ".join(shapes(given[other]) for other in columns if other != name)
            raise Failure(
                f"{name} of shape (B,) beside {others} gives {found:.6g} where (B, 1) gives {expected:.6g}",
                "a ValueError with both shapes, or the same number",
                "compare the shapes before you subtract",
            )


def asks_nothing_of_the_device(trial: Trial) -> None:
    """The loss is computed without looking at a number, for which a GPU would have to be waited for.

    Tried on torch's ``meta`` device, which has shapes and no numbers.
    """
    given = {name: t.to("meta") for name, t in _differentiable(reads(trial)).items()}
    try:
        loss = _loss(trial, given, functions(trial))
    except Failure:
        raise
    except Exception as error:
        raise Failure(
            f"on the meta device: {first_line(error)}",
            "a loss that depends on shapes alone in what it does",
            "call neither .item(), float() nor `if` on a tensor; make new tensors on the device of what is read",
        ) from error
    if loss.device.type != "meta":
        raise Failure(f"the loss is on {loss.device}", "the device of what is read", "make new tensors there")


def optional_reads_may_be_left_out(trial: Trial) -> None:
    """Whatever has a default can be left out, and stated as anything else."""
    from gan_recipe.components.signature import call_parameters, is_required

    required = {name for name, parameter in call_parameters(trial.cls).items() if is_required(parameter)}
    fields = {name: field for name, field in read_fields(trial).items() if name in required}
    given = {name: tensors(field, 3, 1) for name, field in fields.items()}
    _loss(trial, given, functions(trial))


def _loss(trial: Trial, given: Mapping[str, Any], called: Mapping[str, Any]) -> Tensor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loss = trial.made()(**given, **called)
    if not isinstance(loss, Tensor) or loss.dim() != 0 or not loss.is_floating_point():
        found = shapes(loss) if isinstance(loss, Tensor) else type(loss).__name__
        raise Failure(f"{found}", "one number: a float tensor of shape ()", "take the mean")
    return loss


def _differentiable(given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: t.clone().requires_grad_() if t.is_floating_point() else t for name, t in given.items()}


def _double(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor
