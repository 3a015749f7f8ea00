"""Optimisers, rate schedules and initialisers: the tables are torch's and timm's own, and each entry can be made."""

from __future__ import annotations

import inspect
import json
import typing
from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm import scheduler as timm_scheduler
from torch import nn, optim
from torch.optim import lr_scheduler

from gan_recipe.engine.made_by_name import TimmSchedule, initialise, make_lr_schedule, make_optimizer
from gan_recipe.interfaces import Rounds
from gan_recipe.language.optimizers import INITIALISERS, LEARNING_RATE, LR_SCHEDULES, OPTIMIZERS, Option, TorchCall
from gan_recipe.language.recipe import Named
from gan_recipe.language.structure import Surroundings, read_table

# Chosen by the framework, or of no use in a recipe.
NOT_OFFERED = {
    "optimizer": {"params", "lr", "foreach", "fused", "maximize", "capturable", "differentiable"},
    "lr_schedule": {"optimizer", "last_epoch", "epochs", "steps_per_epoch", "t_in_epochs", "initialize"}
    | {"noise_range_t", "noise_pct", "noise_std", "noise_seed"},
    "initialiser": {"tensor", "generator"},
}
CALLS = [
    *(("optimizer", name, call, getattr(optim, call.name)) for name, call in OPTIMIZERS.items()),
    *(
        ("lr_schedule", name, call, getattr(timm_scheduler if "/" in name else lr_scheduler, call.name))
        for name, call in LR_SCHEDULES.items()
    ),
    *(("initialiser", name, call, getattr(nn.init, call.name)) for name, call in INITIALISERS.items()),
]


@pytest.mark.parametrize(
    ("kind", "name", "call", "function"), CALLS, ids=[f"{kind} {name}" for kind, name, _, _ in CALLS]
)
def test_the_table_is_the_functions_own_signature(kind: str, name: str, call: TorchCall, function: Any) -> None:
    """The same options, the same ones required, and every default of the right type and within the bounds."""
    parameters = inspect.signature(function).parameters
    offered = {option: p for option, p in parameters.items() if option not in NOT_OFFERED[kind]}
    assert set(call.options) == set(offered)
    required = {option for option, p in offered.items() if p.default is inspect.Parameter.empty}
    # torch asks for either total_steps or two others, which are not offered.
    assert set(call.required) == required | ({"total_steps"} if name == "one_cycle" else set())
    for option, parameter in offered.items():
        default = parameter.default
        if default is inspect.Parameter.empty or default is None:
            continue
        stated = list(default) if isinstance(default, tuple) else default
        told: list[str] = []
        around = Surroundings(lambda key, what, told=told: told.append(what), lambda key: typing.cast(Any, None))
        made = read_table({option: stated}, {option: call.options[option].type}, (), (), around)
        assert made is not None and not told, told
        assert call.options[option].problem(made[option]) is None


def value_for(option: Option) -> Any:
    """Some value that the option allows."""
    if typing.get_origin(option.type) is Literal:
        return typing.get_args(option.type)[0]
    if option.least == 1 and option.type is float:
        return 1.5
    forms = {float: 0.5, int: 3, bool: True, tuple[float, float]: (0.5, 0.9), tuple[Rounds, ...]: (2, 4)}
    return forms.get(option.type, 3)


# nesterov asks for momentum and no dampening; a cyclic momentum asks for an optimiser with one.
TOGETHER = {
    "sgd": {"dampening": 0.0},
    "one_cycle": {"total_steps": 20, "cycle_momentum": False},
    "timm/tanh": {"lb": -6.0},
}
TOGETHER |= {"linear": {"start_factor": 0.25}}


@pytest.mark.parametrize("stated", ["the least", "everything"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_can_be_made_and_steps(name: str, stated: str) -> None:
    """With what must be stated, and with all that can be; the options arrive where torch keeps them."""
    parameter = nn.Parameter(torch.ones(3))
    options = {"lr": 0.1}
    if stated == "everything":
        options |= {option: value_for(form) for option, form in OPTIMIZERS[name].options.items()}
        options |= TOGETHER.get(name, {})
    made = make_optimizer(Named(name, options, ()), [parameter])
    assert type(made).__name__ == OPTIMIZERS[name].name
    for option, value in options.items():
        assert made.param_groups[0][option] == value
    (parameter**2).sum().backward()
    made.step()
    assert bool((parameter < 1).all())
    assert bool(made.param_groups[0].get("fused")) == (OPTIMIZERS[name].name in ("Adam", "AdamW", "SGD", "Adagrad"))


@pytest.mark.parametrize("name", ["lamb", "adamw", "lion", "adabelief", "madgrad", "rmsproptf", "adan", "nadamw"])
def test_an_optimizer_of_timms_can_be_made_by_name(name: str) -> None:
    """With its own options; what timm does not know, or lacks a package for, is a ValueError with the nearest name."""
    parameter = nn.Parameter(torch.ones(3))
    made = make_optimizer(Named(f"timm/{name}", {"lr": 0.1, "weight_decay": 0.01}, ()), [parameter])
    (parameter**2).sum().backward()
    made.step()
    assert not torch.equal(parameter, torch.ones(3))
    with pytest.raises(ValueError, match=r"timm has no optimiser 'lambb'\. Did you mean 'lamb'"):
        make_optimizer(Named("timm/lambb", {"lr": 0.1}, ()), [parameter])
    with pytest.raises(ValueError, match="timm cannot make 'fusedadam' here"):
        make_optimizer(Named("timm/fusedadam", {"lr": 0.1}, ()), [parameter])
    with pytest.raises(TypeError):
        make_optimizer(Named("timm/lamb", {"lr": 0.1, "no_such_option": 1}, ()), [parameter])


def rates(named: Named, rounds: int, *, resumed_at: int | None = None) -> list[float]:
    """The learning rate of each round; when it is resumed, from JSON, as a checkpoint is."""

    def fresh() -> tuple[optim.Optimizer, Any]:
        optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
        return optimizer, make_lr_schedule(named, optimizer)

    optimizer, schedule = fresh()
    found = []
    for round in range(rounds):
        if round == resumed_at:
            groups, state = optimizer.state_dict(), schedule.state_dict()
            state = json.loads(json.dumps({key: value for key, value in state.items() if not callable(value)}))
            if isinstance(state.get("milestones"), dict):
                state["milestones"] = type(schedule.milestones)({int(k): v for k, v in state["milestones"].items()})
            optimizer, schedule = fresh()
            schedule.load_state_dict(state)
            optimizer.load_state_dict(groups)
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("stated", ["the least", "everything"])
@pytest.mark.parametrize("name", LR_SCHEDULES)
def test_every_rate_schedule_can_be_made_stepped_and_resumed(name: str, stated: str) -> None:
    """Rates change with the rounds, stay finite, and are the same when a run stops in between."""
    call = LR_SCHEDULES[name]
    chosen = call.options if stated == "everything" else call.required
    options = {option: value_for(call.options[option]) for option in chosen}
    options |= {option: value for option, value in TOGETHER.get(name, {}).items() if option in chosen}
    named = Named(name, options, ())
    if name == "one_cycle":
        options |= {"total_steps": 20, "cycle_momentum": False}
    whole = rates(named, 9)
    assert all(0 <= rate < 10 for rate in whole)
    assert len(set(whole)) > 1 or stated == "the least"
    assert rates(named, 9, resumed_at=4) == whole


def allowed(option: Option) -> st.SearchStrategy[Any]:
    """Any value that the option allows, its bounds among them."""
    if typing.get_origin(option.type) is Literal:
        return st.sampled_from(typing.get_args(option.type))
    low = option.least if option.least is not None else option.above
    if option.type is bool:
        return st.booleans()
    if option.type in (int, Rounds):
        return st.integers(int(low or 0), 12)
    numbers = st.floats(
        -3 if low is None else low, option.below or 5, exclude_min=option.above is not None,
        exclude_max=option.below is not None, allow_subnormal=False,
    )  # fmt: skip
    return numbers if option.type is float else st.lists(st.integers(0, 12), max_size=3).map(tuple)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_options_within_the_bounds_never_fail_in_the_middle_of_a_run(data: st.DataObject) -> None:
    """They are refused when the schedule is made, with what a player places at the recipe's line, or never."""
    name = data.draw(st.sampled_from(sorted(LR_SCHEDULES)))
    call = LR_SCHEDULES[name]
    chosen = {*call.required, *data.draw(st.sets(st.sampled_from(sorted(call.options))))}
    options = {option: data.draw(allowed(call.options[option]), label=option) for option in sorted(chosen)}
    if name == "one_cycle":
        options["total_steps"] += 15  # the checker holds it to the length of the run
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1, momentum=0.5)
    try:
        schedule = make_lr_schedule(Named(name, options, ()), optimizer)
    except (ValueError, TypeError, RuntimeError):
        return
    for _ in range(15):
        optimizer.step()
        schedule.step()


def test_a_schedule_of_timms_is_its_function_of_the_round() -> None:
    """Round n has the rate that timm gives for n, warm-up included; what timm refuses is a ValueError."""
    named = Named("timm/cosine", {"t_initial": 8, "warmup_t": 2, "warmup_lr_init": 0.01}, ())
    optimizer = optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1)
    reference = timm_scheduler.CosineLRScheduler(optimizer, t_initial=8, warmup_t=2, warmup_lr_init=0.01)
    assert rates(named, 8) == pytest.approx([reference._get_lr(n)[0] for n in range(8)])
    assert isinstance(make_lr_schedule(named, optimizer), TimmSchedule)
    with pytest.raises(ValueError, match="timm refuses these options"):
        make_lr_schedule(Named("timm/tanh", {"t_initial": 8, "lb": 3.0, "ub": 1.0}, ()), optimizer)


@pytest.mark.parametrize("stated", ["the least", "everything"])
@pytest.mark.parametrize("name", INITIALISERS)
def test_every_initialiser_can_be_applied(name: str, stated: str) -> None:
    """To kernels as torch's function would alone; the others' parameters stay; ``vectors`` tells who takes biases."""
    call = INITIALISERS[name]
    chosen = call.options if stated == "everything" else call.required
    options = {option: value_for(call.options[option]) for option in chosen}
    if name == "uniform" and options:
        options |= {"a": -0.5, "b": 0.5}
    if name == "trunc_normal" and options:
        options |= {"a": -1.0, "b": 1.0}
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    before = {key: value.clone() for key, value in module.state_dict().items()}
    torch.manual_seed(1)
    initialise(module, {"weight": Named(name, options, ())})
    expected = torch.empty(4, 3, 3, 3)
    torch.manual_seed(1)
    getattr(nn.init, call.name)(expected, **options)
    assert torch.equal(module[0].weight, expected)
    for key, value in module.state_dict().items():
        assert key == "0.weight" or torch.equal(value, before[key])
    if call.vectors:
        initialise(module, {"bias": Named(name, options, ()), "norm": Named(name, options, ())})
        assert not torch.equal(module[0].bias, before["0.bias"])
    else:
        with pytest.raises(ValueError):
            initialise(module, {"bias": Named(name, options, ())})


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        (LEARNING_RATE, -1.0, "expected at least 0, not -1"),
        (Option(tuple[float, float], least=0, below=1), (0.5, 1.0), "expected less than 1, not 1"),
        (Option(int, least=1), 0, "expected at least 1, not 0"),
        (Option(float), -5.0, None),
        (Option(bool), True, None),
    ],
)
def test_bounds_hold_for_each_number(option: Option, value: Any, told: str | None) -> None:
    """What lies outside is told with the bound."""
    assert option.problem(value) == told
