"""What signals promise: finite figures under documented names, at a bounded price, and a run that does not notice."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from gan_recipe.engine.training import Training
from gan_recipe.health.moment import Moment
from gan_recipe.runs.figure_names import SIGNAL_PREFIX
from gan_recipe.testing.contest import Figures, case_of, recipe_of, train, without_torch
from gan_recipe.testing.trial import Failure, Trial

# What makes Python wait until the device has computed a number.
_WAITS = {"item", "tolist", "numpy", "cpu", "nonzero", "is_nonzero", "equal", "allclose", "unique", "masked_select"}
_WAITS |= {"__bool__", "__float__", "__int__", "__index__", "__array__", "_local_scalar_dense"}
#: The rounds that a look may cost; the doctor looks every 50th by default.
_ROUNDS = 5


def figures_are_finite_numbers(trial: Trial) -> None:
    """Every figure is a number or a tensor of one element, finite on a sound run."""
    for where, name, value in _measured(trial):
        if isinstance(value, bool) or not isinstance(value, (int, float, Tensor)):
            raise Failure(f"{where}: {name} is a {type(value).__name__}", "a number or a tensor of one", "reduce it")
        if isinstance(value, Tensor) and value.numel() != 1:
            raise Failure(f"{where}: {name} has shape {tuple(value.shape)}", "one element", "take a mean or a norm")
        if not math.isfinite(float(value)):
            raise Failure(f"{where}: {name} is {float(value)}", "a finite number", "guard the division")


def names_are_documented(trial: Trial) -> None:
    """The docstring names every figure: verdicts and readers know it by that name alone.

    A name is a path, such as ``gan/spread``; parts that are the recipe's own (players, losses, networks) are not asked.
    """
    recipe = recipe_of(trial)
    losses = [loss for player in recipe.players.values() for loss in player.losses.values()]
    read = [node.label for loss in losses for node in (*loss.reads.values(), *loss.functions.values())]
    own = {*recipe.players, *recipe.networks, *recipe.values, *recipe.metrics, *(loss.name for loss in losses)}
    known = {*own, *_words(" ".join(read)), *_words(" ".join(re.findall("`+([^`]+)`+", trial.cls.__doc__ or "")))}
    for where, name, _ in _measured(trial):
        if not isinstance(name, str) or not re.fullmatch(r"[^\s/]+(/[^\s/]+)*", name) or name.startswith(SIGNAL_PREFIX):
            raise Failure(f"{where} names a figure {name!r}", "a path such as gan/spread", "join plain words by '/'")
        if unsaid := [part for part in name.split("/") if not _words(part) <= known]:
            raise Failure(
                f"{where} measures {name}, and nothing is said of {', '.join(unsaid)}",
                "a docstring that names every figure that is measured, as ``code``",
                f"say what ``{unsaid[-1]}`` is: its unit, its range, and what it is when all is well",
            )


def measures_the_same_twice(trial: Trial) -> None:
    """Asked twice at one moment, whatever torch's generator says, the figures are the same."""

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        found = []
        for seed in (1, 2):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                found.append({name: float(value) for name, value in ask().items()})
        if found[0] != found[1]:
            name = next(name for name in found[0] | found[1] if found[0].get(name) != found[1].get(name))
            raise Failure(
                f"{where}: {name} is {found[0].get(name)} and then {found[1].get(name)}",
                "the same figures: a resumed run measures what the first would have",
                "keep nothing between two looks, and draw from a torch.Generator of your own, seeded",
            )

    train(trial, look)


def what_is_unmeasured_is_told(trial: Trial) -> None:
    """Where nothing can be measured ``without`` says why, in words and without torch: silence is no health."""
    measured = list(_measured(trial))
    with without_torch():
        told = dict(trial.made().without(case_of(trial)))
    for what, why in told.items():
        if not (isinstance(what, str) and isinstance(why, str) and len(why.split()) > 1):
            raise Failure(f"without says {what!r}: {why!r}", "what is unmeasured, and why", "say it in words")
    if not measured and not told:
        raise Failure(
            "nothing is measured, and without says nothing",
            "figures of the trial's recipe, or a reason that there are none",
            "say what is missing in `without`; or state as the trial's recipe one in which it can be measured",
        )


def leaves_the_run_alone(trial: Trial) -> None:
    """Weights, gradients, modes, the optimiser's state, the losses and torch's generator are as they were before."""

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        before = _state(training, moment)
        ask()
        after = _state(training, moment)
        for what, value in before.items():
            if what not in after or not _equal(value, after[what]):
                raise Failure(f"{where} changes {what}", "a run that does not notice", _CURES[what.partition(" ")[0]])
        if new := sorted(set(after) - set(before)):
            raise Failure(f"{where} adds {new[0]}", "a run that does not notice", _CURES[new[0].partition(" ")[0]])

    train(trial, look)


def the_run_ends_the_same(trial: Trial) -> None:
    """Looked at in every round, training ends with the same bits as without it: its graph is whole, no hook stays."""

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        ask()

    plain = _state(train(trial, None, rounds=3), None)
    try:
        watched = _state(train(trial, look, rounds=3), None)
    except RuntimeError as error:
        if "second time" not in str(error):
            raise
        raise Failure(
            "the losses' graph was freed, and the step that follows cannot be made",
            "a graph that is left whole",
            "state retain_graph=True in torch.autograd.grad, or use moment.pulls",
        ) from error
    for what, value in plain.items():
        if what not in watched or not _equal(value, watched[what]):
            raise Failure(f"after 3 rounds {what} is another", "the same bits as without it", "leave no trace")


def does_not_wait_for_the_device(trial: Trial) -> None:
    """At a move and at its step no number is read: a GPU would have to be waited for. The doctor reads them later."""

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        if where == "at_round":
            return  # between two rounds a metric may be taken, which is a number
        with _Waits() as called, _Calls() as calls:
            ask()
        if waits := sorted(called.names | (_WAITS & set(calls.names))):
            raise Failure(
                f"{where} calls {', '.join(waits)}",
                "tensors of one element, which are read some rounds later",
                "return the tensor itself; decide by shapes, and by torch.where in place of `if`",
            )

    train(trial, look)


def costs_a_few_rounds_at_most(trial: Trial) -> None:
    """One look costs at most as many FLOPs, and calls into torch, as 5 rounds; times ``sparse`` for a rare signal.

    The doctor looks every 50th round by default, so that no signal makes training dearer by more than a tenth.
    """
    with _Calls() as plain:
        train(trial, None, rounds=1)
    with _Calls() as more:
        train(trial, None, rounds=2)
    flops, calls = 0, 0

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        nonlocal flops, calls
        with _Calls() as made:
            ask()
        flops, calls = flops + made.flops, calls + len(made.names)

    train(trial, look, rounds=1)
    sparse = max(int(trial.cls.sparse), 1)  # type: ignore[attr-defined]
    for what, found, of_a_round in (
        ("FLOPs", flops, more.flops - plain.flops),
        ("calls into torch", calls, len(more.names) - len(plain.names)),
    ):
        if found > _ROUNDS * sparse * of_a_round:
            raise Failure(
                f"one look costs {found:,} {what}, as many as {found / of_a_round:.0f} rounds",
                f"at most {_ROUNDS * sparse} rounds",
                "measure less, at fewer points; or set `sparse` so that it is looked at rarely",
            )


_CURES = {
    "weight": "compute from weight.detach(), and use no in-place operation",
    "buffer": "call no network in train mode; clone what you change",
    "gradient": "use torch.autograd.grad in place of backward()",
    "mode": "call no train(), eval() or requires_grad_()",
    "optimiser": "read optimizer.state, and clone what you change",
    "loss": "use no in-place operation on a loss",
    "value": "use no in-place operation on moment.value(...)",
    "generator": "draw within torch.random.fork_rng(), or from a torch.Generator of your own",
}


def _measured(trial: Trial) -> Iterator[tuple[str, Any, Any]]:
    found: list[tuple[str, Any, Any]] = []

    def look(where: str, ask: Callable[[], Figures], training: Training, moment: Moment | None) -> None:
        figures = ask()
        if not isinstance(figures, Mapping):
            raise Failure(f"{where} returns a {type(figures).__name__}", "figures by name", "return a dict")
        found.extend((where, name, value) for name, value in figures.items())

    train(trial, look)
    yield from found


def _state(training: Training, moment: Moment | None) -> dict[str, Any]:
    found: dict[str, Any] = {"generator of torch": torch.get_rng_state()}
    for name, network in training.graph.networks.items():
        for key, weight in network.named_parameters():
            found[f"weight {name}.{key}"] = weight.detach().clone()
            found[f"mode (requires_grad) of {name}.{key}"] = weight.requires_grad
            if weight.grad is not None:
                found[f"gradient of {name}.{key}"] = weight.grad.clone()
        found |= {f"buffer {name}.{key}": buffer.clone() for key, buffer in network.named_buffers()}
        found |= {f"mode of {name}.{key}": module.training for key, module in network.named_modules()}
    for name, player in training.players.items():
        for number, state in enumerate(player.optimizer.state.values()):
            for key, value in state.items():
                found[f"optimiser of {name}: {key} of weight {number}"] = _copy(value)
    if moment is not None:
        found |= {f"loss {name}": value.detach().clone() for name, value in moment.losses.items()}
        found |= {f"value {node.label}": _copy(value) for node, value in moment._store.items()}
    return found


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, Tensor) else value


def _equal(one: Any, two: Any) -> bool:
    if isinstance(one, Tensor) and isinstance(two, Tensor):
        return one.shape == two.shape and torch.equal(one.nan_to_num(7.25), two.nan_to_num(7.25))
    return isinstance(one, Tensor) == isinstance(two, Tensor) and (isinstance(one, tuple) or bool(one == two))


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text))


class _Waits(TorchFunctionMode):
    """Notes which functions of Python's side were called that read a number."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        self.names |= {name} & _WAITS
        return func(*args, **(kwargs or {}))


class _Calls(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes every call into torch, and the FLOPs of those that there is a formula for."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.names: list[str] = []
        self.flops = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        self.names.append(func._schema.name.rpartition("::")[2])
        if (formula := flop_registry.get(func._overloadpacket)) is not None:
            self.flops += formula(*args, **(kwargs or {}), out_val=found)
        return found
