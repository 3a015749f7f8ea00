"""Optimisers, rate schedules and initialisers by name, with the options that each takes.

The tables are written down so that ``check`` can read them without importing torch; a test compares them with torch's
and timm's own signatures. An optimiser of timm's is written ``timm/lamb``; there are a hundred, whose names and options
are looked up when the run is built.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import frozen

from gan_recipe.interfaces import Rounds

TIMM = "timm/"


@frozen
class Option:
    """One option of a function of torch's."""

    #: As a component's setting would be typed.
    type: Any
    #: The smallest number allowed, for a list that of each element.
    least: float | None = None
    #: What a number must be below, or above.
    below: float | None = None
    above: float | None = None

    def problem(self, value: Any) -> str | None:
        """What is wrong with a value of the right type; None when nothing is."""
        numbers = value if isinstance(value, tuple) else (value,)
        for number in numbers:
            if self.least is not None and number < self.least:
                return f"expected at least {self.least:g}, not {number:g}"
            if self.below is not None and number >= self.below:
                return f"expected less than {self.below:g}, not {number:g}"
            if self.above is not None and number <= self.above:
                return f"expected more than {self.above:g}, not {number:g}"
        return None


@frozen
class TorchCall:
    """A function or class of torch's or timm's that a recipe calls by name."""

    #: Its own name.
    name: str
    options: Mapping[str, Option]
    #: Those that must be stated.
    required: tuple[str, ...] = ()
    #: Whether it works on vectors, such as biases; only initialisers of matrices and kernels do not.
    vectors: bool = True


def _of(name: str, *required: str, **options: Option) -> TorchCall:
    return TorchCall(name, options, required, vectors=True)


def _of_matrices(name: str, **options: Option) -> TorchCall:
    return TorchCall(name, options, (), vectors=False)


_NUMBER = Option(float)
_SIZE = Option(float, least=0)
_SHARE = Option(float, least=0, below=1)
_SHARES = Option(tuple[float, float], least=0, below=1)
_FACTOR = Option(float, above=0)
_COUNT = Option(int, least=1)
_ROUNDS = Option(Rounds, least=0)
_LENGTH = Option(Rounds, least=1)
_MILESTONES = Option(tuple[Rounds, ...], least=0)
_SWITCH = Option(bool)
_FAN = Option(Literal["fan_in", "fan_out"])
_NONLINEARITY = Option(
    Literal[
        "linear",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
        "sigmoid",
        "tanh",
        "relu",
        "leaky_relu",
        "selu",
    ]
)

_ADAM = {"betas": _SHARES, "eps": _SIZE, "weight_decay": _SIZE}

#: By a recipe's name; every one takes ``lr`` too, which a recipe must state.
OPTIMIZERS: dict[str, TorchCall] = {
    "adam": _of("Adam", **_ADAM, amsgrad=_SWITCH, decoupled_weight_decay=_SWITCH),
    "adamw": _of("AdamW", **_ADAM, amsgrad=_SWITCH),
    "adamax": _of("Adamax", **_ADAM),
    "nadam": _of("NAdam", **_ADAM, momentum_decay=_SIZE, decoupled_weight_decay=_SWITCH),
    "radam": _of("RAdam", **_ADAM, decoupled_weight_decay=_SWITCH),
    "rmsprop": _of("RMSprop", alpha=_SIZE, eps=_SIZE, weight_decay=_SIZE, momentum=_SIZE, centered=_SWITCH),
    "sgd": _of("SGD", momentum=_SIZE, dampening=_NUMBER, weight_decay=_SIZE, nesterov=_SWITCH),
    "adagrad": _of("Adagrad", lr_decay=_SIZE, weight_decay=_SIZE, initial_accumulator_value=_SIZE, eps=_SIZE),
    "adadelta": _of("Adadelta", rho=_SHARE, eps=_SIZE, weight_decay=_SIZE),
}
LEARNING_RATE = _SIZE

_CYCLES = {"cycle_mul": Option(float, least=1), "cycle_decay": _SIZE, "cycle_limit": _COUNT, "lr_min": _SIZE}
_WARMUP = {"warmup_t": _ROUNDS, "warmup_lr_init": _SIZE, "warmup_prefix": _SWITCH}
#: By a recipe's name. Milestones and periods count rounds.
LR_SCHEDULES: dict[str, TorchCall] = {
    "multi_step": _of("MultiStepLR", "milestones", milestones=_MILESTONES, gamma=_SIZE),
    "step": _of("StepLR", "step_size", step_size=_LENGTH, gamma=_SIZE),
    "constant": _of("ConstantLR", factor=_FACTOR, total_iters=_LENGTH),
    "exponential": _of("ExponentialLR", "gamma", gamma=_SIZE),
    "linear": _of("LinearLR", start_factor=_FACTOR, end_factor=_SIZE, total_iters=_LENGTH),
    "polynomial": _of("PolynomialLR", total_iters=_LENGTH, power=_SIZE),
    "cosine": _of("CosineAnnealingLR", "T_max", T_max=_LENGTH, eta_min=_SIZE),
    "cosine_restarts": _of("CosineAnnealingWarmRestarts", "T_0", T_0=_LENGTH, T_mult=_COUNT, eta_min=_SIZE),
    "one_cycle": _of(
        "OneCycleLR",
        "max_lr",
        "total_steps",
        max_lr=_SIZE,
        total_steps=_LENGTH,
        pct_start=_SHARE,
        anneal_strategy=Option(Literal["cos", "linear"]),
        cycle_momentum=_SWITCH,
        base_momentum=_SHARE,
        max_momentum=_SHARE,
        div_factor=_FACTOR,
        final_div_factor=_FACTOR,
        three_phase=_SWITCH,
    ),
    "timm/cosine": _of("CosineLRScheduler", "t_initial", t_initial=_LENGTH, **_CYCLES, **_WARMUP, k_decay=_SIZE),
    "timm/poly": _of(
        "PolyLRScheduler", "t_initial", t_initial=_LENGTH, power=_SIZE, **_CYCLES, **_WARMUP, k_decay=_SIZE
    ),
    "timm/tanh": _of("TanhLRScheduler", "t_initial", t_initial=_LENGTH, lb=_NUMBER, ub=_NUMBER, **_CYCLES, **_WARMUP),
    "timm/step": _of("StepLRScheduler", "decay_t", decay_t=_LENGTH, decay_rate=_SIZE, **_WARMUP),
    "timm/multistep": _of(
        "MultiStepLRScheduler",
        "decay_t",
        decay_t=_MILESTONES,
        decay_rate=_SIZE,
        **_WARMUP,
    ),
}

#: What an initialiser is stated for: matrices and kernels, gains of norm layers, biases.
INIT_PARTS = ("weight", "norm", "bias")

#: By a recipe's name, without the underscore at the end of torch.nn.init's.
INITIALISERS: dict[str, TorchCall] = {
    "normal": _of("normal_", mean=_NUMBER, std=_SIZE),
    "uniform": _of("uniform_", a=_NUMBER, b=_NUMBER),
    "trunc_normal": _of("trunc_normal_", mean=_NUMBER, std=_SIZE, a=_NUMBER, b=_NUMBER),
    "constant": _of("constant_", "val", val=_NUMBER),
    "zeros": _of("zeros_"),
    "ones": _of("ones_"),
    "xavier_uniform": _of_matrices("xavier_uniform_", gain=_SIZE),
    "xavier_normal": _of_matrices("xavier_normal_", gain=_SIZE),
    "kaiming_uniform": _of_matrices("kaiming_uniform_", a=_NUMBER, mode=_FAN, nonlinearity=_NONLINEARITY),
    "kaiming_normal": _of_matrices("kaiming_normal_", a=_NUMBER, mode=_FAN, nonlinearity=_NONLINEARITY),
    "orthogonal": _of_matrices("orthogonal_", gain=_SIZE),
}
