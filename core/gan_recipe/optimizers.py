"""Optimisers, rate schedules and initialisers by name, with the options that each takes.

The tables are written down so that ``check`` can read them without importing torch; a test compares them with torch's
own signatures. A name of timm's is written ``timm/lamb`` and looked up when the run is built.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from gan_recipe.errors import did_you_mean
from gan_recipe.recipe import Named

if TYPE_CHECKING:
    import torch
    from torch import nn

#: Recipe name: (torch.optim's class, its options beyond ``lr``).
OPTIMIZERS: dict[str, tuple[str, frozenset[str]]] = {
    "adam": ("Adam", frozenset({"betas", "eps", "weight_decay", "amsgrad"})),
    "adamw": ("AdamW", frozenset({"betas", "eps", "weight_decay", "amsgrad"})),
    "rmsprop": ("RMSprop", frozenset({"alpha", "eps", "weight_decay", "momentum", "centered"})),
    "sgd": ("SGD", frozenset({"momentum", "dampening", "weight_decay", "nesterov"})),
    "adagrad": ("Adagrad", frozenset({"lr_decay", "weight_decay", "initial_accumulator_value", "eps"})),
    "adadelta": ("Adadelta", frozenset({"rho", "eps", "weight_decay"})),
    "adamax": ("Adamax", frozenset({"betas", "eps", "weight_decay"})),
    "nadam": ("NAdam", frozenset({"betas", "eps", "weight_decay", "momentum_decay", "decoupled_weight_decay"})),
    "radam": ("RAdam", frozenset({"betas", "eps", "weight_decay", "decoupled_weight_decay"})),
}
_FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}

#: Recipe name: (torch.optim.lr_scheduler's class, its options). Milestones and periods count rounds.
LR_SCHEDULES: dict[str, tuple[str, frozenset[str]]] = {
    "multi_step": ("MultiStepLR", frozenset({"milestones", "gamma"})),
    "step": ("StepLR", frozenset({"step_size", "gamma"})),
    "exponential": ("ExponentialLR", frozenset({"gamma"})),
    "linear": ("LinearLR", frozenset({"start_factor", "end_factor", "total_iters"})),
    "polynomial": ("PolynomialLR", frozenset({"total_iters", "power"})),
    "cosine": ("CosineAnnealingLR", frozenset({"T_max", "eta_min"})),
    "cosine_restarts": ("CosineAnnealingWarmRestarts", frozenset({"T_0", "T_mult", "eta_min"})),
    "one_cycle": (
        "OneCycleLR",
        frozenset(
            {"max_lr", "total_steps", "pct_start", "anneal_strategy", "cycle_momentum", "div_factor"}
            | {"base_momentum", "max_momentum", "final_div_factor", "three_phase"}
        ),
    ),
}

#: Recipe name: (torch.nn.init's function, its options).
INITIALISERS: dict[str, tuple[str, frozenset[str]]] = {
    "normal": ("normal_", frozenset({"mean", "std"})),
    "uniform": ("uniform_", frozenset({"a", "b"})),
    "trunc_normal": ("trunc_normal_", frozenset({"mean", "std", "a", "b"})),
    "constant": ("constant_", frozenset({"val"})),
    "zeros": ("zeros_", frozenset()),
    "ones": ("ones_", frozenset()),
    "xavier_uniform": ("xavier_uniform_", frozenset({"gain"})),
    "xavier_normal": ("xavier_normal_", frozenset({"gain"})),
    "kaiming_uniform": ("kaiming_uniform_", frozenset({"a", "mode", "nonlinearity"})),
    "kaiming_normal": ("kaiming_normal_", frozenset({"a", "mode", "nonlinearity"})),
    "orthogonal": ("orthogonal_", frozenset({"gain"})),
}


def name_problem(
    named: Named, table: dict[str, tuple[str, frozenset[str]]], *, always: Iterable[str] = ()
) -> str | None:
    """What is wrong with a name or its options, as far as can be told without torch."""
    if named.name.startswith("timm/"):
        return None
    if named.name not in table:
        return f"there is no {named.name!r}.{did_you_mean(named.name, table)}"
    known = table[named.name][1] | set(always)
    for option in named.options:
        if option not in known:
            return f"{named.name!r} has no option {option!r}.{did_you_mean(option, known)}"
    return None


def make_optimizer(named: Named, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    """The optimiser, fused where torch has it so for these devices. Raises ValueError or TypeError for bad options."""
    from torch import optim

    options = {key: tuple(value) if isinstance(value, list) else value for key, value in named.options.items()}
    if named.name.startswith("timm/"):
        from timm import optim as timm_optim

        create: Any = vars(timm_optim)["create_optimizer_v2"]  # timm does not declare what it exports
        made: optim.Optimizer = create(parameters, opt=named.name.removeprefix("timm/"), **options)
        return made
    cls = OPTIMIZERS[named.name][0]
    devices = {parameter.device.type for parameter in parameters}
    if cls in _FUSED and devices <= {"cpu", "cuda"}:
        options["fused"] = True
    optimizer: optim.Optimizer = getattr(optim, cls)(parameters, **options)
    return optimizer


def make_lr_schedule(named: Named, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LRScheduler:
    """The rate schedule; it is stepped once a round, whether or not the player moved."""
    from torch.optim import lr_scheduler

    made: lr_scheduler.LRScheduler = getattr(lr_scheduler, LR_SCHEDULES[named.name][0])(optimizer, **named.options)
    return made


def initialise(module: nn.Module, init: dict[str, Named]) -> None:
    """Apply the initialisers: ``weight`` to every matrix and kernel, ``norm`` to gains of norm layers, ``bias``."""
    import torch

    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            part = "bias" if "bias" in name else "weight" if parameter.dim() > 1 else "norm"
            if chosen := init.get(part):
                with torch.no_grad():
                    getattr(torch.nn.init, INITIALISERS[chosen.name][0])(parameter, **chosen.options)
