"""A checked recipe: every name looked up, every setting typed. ``check`` makes it; nothing here is left to find out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from gan_recipe.interfaces import (
    Constraint,
    Data,
    Field,
    Loss,
    Metric,
    Network,
    Schedule,
    Signal,
    Verdict,
)
from gan_recipe.language.dataflow import Node
from gan_recipe.language.recipe_file import RecipeFile
from gan_recipe.language.recipe_settings import Averaging, DoctorSettings, RecoverySettings, RunSettings, SheetSettings
from gan_recipe.language.start import WeightsFile
from gan_recipe.language.toml_file import Key
from gan_recipe.ramp import Ramp, weight_at


@frozen
class DoctorSpec:
    """The doctor of a recipe."""

    settings: DoctorSettings
    signals: Mapping[str, Signal]
    verdicts: Mapping[str, Verdict]


@frozen
class Named:
    """A function of torch by name with its options: an optimiser, a rate schedule, an initialiser."""

    name: str
    options: Mapping[str, Any]
    key: Key


@frozen
class NetworkSpec:
    """An entry of ``[networks]``."""

    name: str
    #: The component's full name.
    use: str
    component: Network
    #: Where its weights come from: ``RUN``, ``RUN@ROUND`` or ``RUN@ROUND:NETWORK``; None for fresh ones.
    start: str | None
    #: Initialisers of ``weight`` (convolutions, linear layers), ``norm`` (gains) and ``bias``.
    init: Mapping[str, Named]
    key: Key
    #: The file that its weights come from, where ``start`` names one.
    start_file: WeightsFile | None = None
    #: Whether its calls that are due at once in a move are made as one, on their batches concatenated.
    concat: bool = False


@frozen
class LossSpec:
    """An entry of ``players.NAME.losses``."""

    name: str
    use: str
    component: Loss
    weight: float | Ramp
    #: The term is computed at every so many moves of its player, and then counts that many times.
    every: int
    #: What ``__call__`` reads, by parameter.
    reads: Mapping[str, Node]
    #: The compositions that ``__call__`` is handed, by parameter.
    functions: Mapping[str, Node]
    key: Key

    def counts(self, round: int) -> float:
        """Its weight where it is due: every k-th move k times (lazy regularisation, Karras et al. 2020)."""
        return weight_at(self.weight, round) * self.every


@frozen
class ConstraintSpec:
    """An entry of ``players.NAME.constraints``."""

    name: str
    use: str
    component: Constraint
    #: The player's networks that it acts on.
    on: tuple[str, ...]
    key: Key


@frozen
class BalanceSpec:
    """A checked ``balance``."""

    at: Node
    reference: str
    losses: tuple[str, ...]
    most: float


@frozen
class PlayerSpec:
    """An entry of ``[players]``: networks, an optimiser and what to minimise."""

    name: str
    trains: tuple[str, ...]
    optimizer: Named
    lr_schedule: Named | None
    losses: Mapping[str, LossSpec]
    constraints: Mapping[str, ConstraintSpec]
    #: The running average of the weights, which sheets and metrics use; None for no average.
    ema: Averaging | None
    #: The longest that the gradient of all the player's weights together may be; None for no bound.
    clip_gradients: float | None
    #: How the losses are brought to one loudness; None for weights alone.
    balance: BalanceSpec | None
    key: Key
    #: Every how many moves its lazy losses are due; for the loop, as the next two.
    lazy: frozenset[int] = field(init=False)
    #: Whether the weight of one follows a ramp, which decides in each round whether it counts.
    ramped: bool = field(init=False)
    #: The losses that are due where no lazy one is.
    usual: tuple[str, ...] = field(init=False)

    def __attrs_post_init__(self) -> None:
        losses = self.losses.values()
        object.__setattr__(self, "lazy", frozenset(loss.every for loss in losses) - {1})
        object.__setattr__(self, "ramped", any(isinstance(loss.weight, Ramp) for loss in losses))
        object.__setattr__(self, "usual", tuple(loss.name for loss in losses if loss.every == 1))


@frozen
class MetricSpec:
    """An entry of ``[metrics]``."""

    name: str
    use: str
    component: Metric
    reads: Mapping[str, Node]
    #: Values over the training stream, by parameter.
    examples: Mapping[str, Node]
    #: ``reads`` with some replaced: what the figure is before anything is learned.
    baseline: Mapping[str, Node] | None
    key: Key


@frozen
class Recipe:
    """A recipe with nothing left to look up."""

    file: RecipeFile
    run: RunSettings
    data: Mapping[str, Data]
    #: The component's full name of every source of data.
    data_use: Mapping[str, str]
    #: Every field of the batch, as ``source.field``.
    fields: Mapping[str, Field]
    networks: Mapping[str, NetworkSpec]
    values: Mapping[str, Node]
    players: Mapping[str, PlayerSpec]
    schedule: Schedule
    schedule_use: str
    #: The values that a schedule which steers reads, by parameter.
    schedule_reads: Mapping[str, Node]
    sheet: SheetSettings
    columns: tuple[Node, ...]
    metrics: Mapping[str, MetricSpec]
    doctor: DoctorSpec
    #: None where the run never goes back.
    recovery: RecoverySettings | None
    #: Why a finding is meant, by its name.
    silenced: Mapping[str, str]
    #: The recipe's tables with everything extended, overridden and absolute: what a run keeps and resumes from.
    resolved_tables: Mapping[str, Any]

    @property
    def name(self) -> str:
        return self.file.name

    def where(self, key: Key) -> str:
        """``file:line: key`` of whoever states ``key``, for the start of a message."""
        return f"{self.file.origin(key).where}: {'.'.join(key)}"

    @property
    def frozen_networks(self) -> tuple[str, ...]:
        """The networks that nobody trains."""
        trained = {name for player in self.players.values() for name in player.trains}
        return tuple(name for name in self.networks if name not in trained)
