"""The tables of a recipe that are settings: the reference of what they may state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen, validators

from gan_recipe.interfaces import Rounds
from gan_recipe.language.toml_file import Key

# Serves int and Rounds alike, which attrs cannot be told.
_POSITIVE: Any = validators.ge(1)


@frozen
class RunSettings:
    """The table ``[run]``."""

    #: How many rounds to train; a round is one batch and the players that move on it.
    rounds: Rounds = field(validator=_POSITIVE)
    #: Shortens the recipe in time with its plan intact, above 0 and at most 1: every length and point of time that it
    #: states in rounds (also its ramps', schedules' and sheets') is multiplied by this and rounded. Periods, log_every,
    #: rates and decays stay.
    scale: float = field(default=1.0, validator=[validators.gt(0), validators.le(1)])
    #: Samples in a batch.
    batch: int = field(default=32, validator=_POSITIVE)
    #: Everything random is a function of this number: weights, order of data, noise, dropout.
    seed: int = field(default=0, validator=validators.ge(0))
    #: "float32", "bf16" (autocast), or "auto": bf16 where the hardware has it and the networks are large.
    precision: Literal["auto", "float32", "bf16"] = "auto"
    #: Keep images in NHWC order, in which convolutions are faster.
    channels_last: bool = True
    #: Compute a value once a round for all players that read it. Batch norm then counts the batch once, not twice.
    reuse: bool = True
    #: Compile the networks with torch.compile. On a CPU it was measured to be slower.
    compile: bool = False
    #: Rounds over which a loss's weight goes from what it was in the run that a player's networks start from to what is
    #: stated, geometrically; 0 changes it at once. Adam's second moment takes 1 / (1 - beta2) rounds to follow.
    ramp_changes: int = field(default=1_000, validator=validators.ge(0))
    #: Rounds between two lines of figures.
    log_every: int = field(default=50, validator=_POSITIVE)
    #: Rounds between two checkpoints.
    checkpoint_every: Rounds = field(default=Rounds(500), validator=_POSITIVE)
    #: Rounds of which a checkpoint is made and kept for good, for runs that start from it.
    keep_at: tuple[Rounds, ...] = field(default=(), validator=validators.deep_iterable(_POSITIVE))
    #: How many checkpoints are kept beside those, the newest ones.
    keep: int = field(default=2, validator=validators.ge(2))
    #: Rounds between two measurements of the metrics; 0 measures at the end alone.
    measure_every: Rounds = field(default=Rounds(0), validator=validators.ge(Rounds(0)))
    #: Held-out samples that the metrics are taken over.
    held_out: int = field(default=400, validator=_POSITIVE)
    #: Plugins that are told what happens, by namespace.
    observers: tuple[str, ...] = ("tensorboard",)


@frozen
class SheetSettings:
    """The table ``[sheet]``: held-out samples as rows of images, the same ones through the whole run."""

    #: Values or fields, one column each.
    columns: tuple[str, ...] = ()
    #: Held-out samples, one row each.
    rows: int = field(default=8, validator=_POSITIVE)
    #: Rounds between two sheets; the last round always has one.
    every: Rounds = field(default=Rounds(500), validator=_POSITIVE)


@frozen
class DoctorSettings:
    """The table ``[doctor]``: what is measured beside the training, and when."""

    #: Whether anything is. A run with the doctor ends with the same weights as one without.
    enabled: bool = True
    #: Rounds between two looks at a player's move.
    every: int = field(default=50, validator=_POSITIVE)
    #: A failure that was told is told again when it comes back after so many rounds without it.
    again: int = field(default=2_000, validator=_POSITIVE)
    #: Signals and verdicts to leave out, by name.
    off: tuple[str, ...] = ()
    #: Verdicts at which the run is saved and stops, by name; it exits with 3.
    stop: tuple[str, ...] = ()


@frozen
class RecoverySettings:
    """The table ``[recovery]``: what is done when the doctor tells of a failure; without it the run goes on as it is.

    The run goes back to its last checkpoint from before the failure's first signs, what is stated below is changed, and
    it trains on from there. Each time that it goes back, ``multiply`` multiplies what the time before left.
    """

    #: The verdicts at which the run goes back, by name.
    on: tuple[str, ...]
    #: How often it goes back at most; after that a verdict is told and nothing more.
    times: int = field(default=1, validator=_POSITIVE)
    #: Numbers of the players or of the schedule by key, and what each is multiplied with, above 0:
    #: ``"players.*.optimizer.lr" = 0.5``. A ``*`` is every name.
    multiply: Mapping[str, float] = field(factory=dict)
    #: The same, and what is set in its place.
    change: Mapping[str, Any] = field(factory=dict)
    #: Whether the rounds are played anew with other batches, noise and dropout.
    new_order: bool = False
    #: How far back in rounds the first signs may lie: the checkpoints of so many last rounds are kept.
    reach: Rounds = field(default=Rounds(2_000), validator=_POSITIVE)


@frozen
class BalanceSettings:
    """How loud a player's losses speak where they meet: ``players.NAME.balance``.

    At every move each of ``losses`` is multiplied by ``|d reference / d at| / (|d loss / d at| + 1e-4)``, at most by
    ``most``, so that it pulls at ``at`` as hard as the reference; its own weight, and the reference's, then say in what
    shares they pull. Both gradients are taken of the raw losses, over the whole batch.

    Source: Esser et al. 2021, "Taming Transformers for High-Resolution Image Synthesis", equation 7, which takes the
    gradients at the decoder's last layer.
    """

    #: The value at which the gradients are compared, such as the generator's image.
    at: str
    #: The loss that the others are measured against.
    reference: str
    #: The losses that are scaled.
    losses: tuple[str, ...]
    #: The largest factor, above 0.
    most: float = field(default=1e4, validator=validators.gt(0))


@frozen
class Averaging:
    """How a player's weights are averaged: ``ema = 0.999``, or ``ema = { decay = 0.999, warm_up = true }``."""

    #: Decay of the average at every move, from 0 to below 1.
    decay: float = field(validator=[validators.ge(0), validators.lt(1)])
    #: Whether the decay grows up to its value, (1 + n) / (10 + n) at move n, which soon forgets the first weights.
    warm_up: bool = False

    def at(self, moved: int) -> float:
        """The decay at move ``moved``, counted from 0."""
        return min(self.decay, (1 + moved) / (10 + moved)) if self.warm_up else self.decay


#: The tables at the top of a recipe, in the order in which it is read.
TABLES = (
    "run",
    "data",
    "networks",
    "values",
    "players",
    "schedule",
    "sheet",
    "metrics",
    "doctor",
    "recovery",
    "findings",
)
#: Those that are settings, and hold no entries that the recipe names.
SETTINGS: Mapping[Key, type[Any]] = {
    ("run",): RunSettings,
    ("sheet",): SheetSettings,
    ("doctor",): DoctorSettings,
    ("recovery",): RecoverySettings,
}

#: What an entry may state beside its component's settings, by the table that holds it.
BESIDE: Mapping[str, tuple[str, ...]] = {
    "networks": ("start", "init", "concat"),
    "losses": ("weight", "every"),
    "constraints": ("on",),
    "metrics": ("baseline",),
}
