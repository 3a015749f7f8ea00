"""Optimisers, rate schedules and first weights made of torch's and timm's functions that a recipe names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from attrs import define
from torch import nn, optim
from torch.optim import lr_scheduler

from gan_recipe.errors import did_you_mean
from gan_recipe.language.optimizers import INITIALISERS, LR_SCHEDULES, OPTIMIZERS, TIMM
from gan_recipe.language.recipe import Named

# Of torch's, those that have a fused step.
_FUSED = {"Adam", "AdamW", "SGD", "Adagrad"}


def make_optimizer(named: Named, parameters: list[torch.Tensor]) -> optim.Optimizer:
    """The optimiser, fused where torch has it so for these devices. Raises ValueError or TypeError for bad options."""
    options = {key: tuple(value) if isinstance(value, list) else value for key, value in named.options.items()}
    if named.name.startswith(TIMM):
        return _timm_optimizer(named.name.removeprefix(TIMM), parameters, options)
    name = OPTIMIZERS[named.name].name
    if name in _FUSED and {parameter.device.type for parameter in parameters} <= {"cpu", "cuda"}:
        options["fused"] = True
    optimizer: optim.Optimizer = getattr(optim, name)(parameters, **options)
    return optimizer


def make_lr_schedule(named: Named, optimizer: optim.Optimizer) -> lr_scheduler.LRScheduler | TimmSchedule:
    """The rate schedule; it is stepped once a round, whether or not the player moved. Raises ValueError."""
    name = LR_SCHEDULES[named.name].name
    if not named.name.startswith(TIMM):
        made: lr_scheduler.LRScheduler = getattr(lr_scheduler, name)(optimizer, **named.options)
        return made
    from timm import scheduler

    try:
        return TimmSchedule(getattr(scheduler, name)(optimizer, **named.options))
    except AssertionError as error:  # that is how timm refuses options
        raise ValueError(f"timm refuses these options: {error}") from error


@define
class TimmSchedule:
    """A schedule of timm's, which is a function of the round, with the face of one of torch's."""

    _schedule: Any
    _rounds: int = 0

    def step(self) -> None:
        """A round is over."""
        self._rounds += 1
        self._schedule.step(self._rounds)

    def state_dict(self) -> dict[str, Any]:
        return {"rounds": self._rounds}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._rounds = state["rounds"]


def initialise(module: nn.Module, init: dict[str, Named]) -> None:
    """Apply the initialisers: ``weight`` to every matrix and kernel, ``norm`` to gains of norm layers, ``bias``."""
    for layer in module.modules():
        for name, parameter in layer.named_parameters(recurse=False):
            part = "bias" if "bias" in name else "weight" if parameter.dim() > 1 else "norm"
            if chosen := init.get(part):
                with torch.no_grad():
                    getattr(torch.nn.init, INITIALISERS[chosen.name].name)(parameter, **chosen.options)


def _timm_optimizer(name: str, parameters: list[torch.Tensor], options: dict[str, Any]) -> optim.Optimizer:
    from timm import optim as timms

    known: list[str] = vars(timms)["list_optimizers"]()  # timm does not declare what it exports
    if name not in known:
        raise ValueError(f"timm has no optimiser {name!r}.{did_you_mean(name, known)}")
    try:
        made: optim.Optimizer = vars(timms)["create_optimizer_v2"](parameters, opt=name, **options)
    except (AssertionError, ImportError) as error:  # some of timm's are built on packages that are not installed
        raise ValueError(f"timm cannot make {name!r} here: {error or 'a package that it needs is missing'}") from error
    return made
