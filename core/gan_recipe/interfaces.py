"""The interfaces that a component implements, and nothing else.

A component is a frozen attrs class. Its fields are its settings, the ``#:`` comment above a field documents it, and its
docstring says what it computes. Torch is imported inside ``build`` and ``__call__``, never at a component module's top,
so that listing, showing and checking never pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NewType, Protocol

from attrs import frozen

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from gan_recipe.health.case import Case
    from gan_recipe.health.moment import Look, Moment

ClassCount = NewType("ClassCount", int)
"""The type of a setting that counts outputs: a recipe writes a number, or the label field whose classes it counts."""

Rounds = NewType("Rounds", int)
"""The type of a setting that says how many rounds something takes, or in which round it happens.

A component is handed the number that counts in this run: ``run.scale`` shortens all such settings alike. A period
(every 4th round) is no length of time and is a plain ``int``.
"""


class Component:
    """Whatever a recipe can ``use``."""

    kind: ClassVar[str]


# --------------------------------------------------------------------------------------------------------- networks


@frozen
class Traits:
    """What is known of a network before it is built, for findings that need no training.

    The same is measured on the built module, so that saying nothing only means that ``check`` sees less than ``run``.
    """

    #: The kinds of normalisation in the module: "batch", "instance", "group", "layer".
    norms: frozenset[str] = frozenset()
    #: What the output has gone through since the last layer with weights: "norm", "sigmoid", "softmax" or "tanh";
    #: None for nothing of the kind.
    last: Literal["norm", "sigmoid", "softmax", "tanh"] | None = None


class Network(Component):
    """A network, sized by example."""

    #: Whether it acts in training alone, and in eval mode hands on its one input as it is: an augmentation, noise, a
    #: pool of past samples. The doctor looks through it, at the samples themselves, wherever it stands on their way to
    #: a critic.
    only_in_training: ClassVar[bool] = False

    def traits(self) -> Traits | None:
        """What these settings make of the module, as far as findings ask; None where it takes building to know."""
        return None

    def build(self, *inputs: Tensor) -> nn.Module:
        """Make the module for inputs like these.

        ``inputs`` are example tensors (batch first) of exactly what the recipe feeds to the first call of the network;
        read their shapes and dtypes, not their contents. The caller seeds torch's generators, so that plain
        initialisation is deterministic. Raise ``ValueError`` with the offending shape when the inputs cannot fit.

        The module, or any inside it, may have a method ``at_round(round: int)``: it is called before each round, for
        what follows the rounds, such as a ramp. What is a function of the round is no state; other state is kept in
        buffers, which checkpoints hold.
        """
        raise NotImplementedError


class Encoder(Network):
    """A tensor to features. A discriminator's trunk is one."""

    kind = "encoder"


class Decoder(Network):
    """Features, possibly with noise and conditions, to an image in [-1, 1]."""

    kind = "decoder"


class Head(Network):
    """Features to a verdict: logits of real or fake, class logits, an embedding."""

    kind = "head"


# ------------------------------------------------------------------------------------------- losses, steps and rounds


class Function(Protocol):
    """A network, or a composition of networks, handed to a loss: the recipe writes ``"verdict(trunk(_))"``."""

    def __call__(self, input: Tensor, /) -> Tensor: ...


Role = Literal["verdict", "logit", "wasserstein", "critic", "class_logits", "labels", "output", "target"]
"""What a loss takes one of its parameters for.

"verdict": the critic's output on reals or on fakes; "logit": a verdict that the loss itself puts through a sigmoid;
"wasserstein": a verdict whose difference of means is taken for a distance; "critic": the function that gives verdicts;
"class_logits" with "labels", and "output" with "target": what is compared, sample by sample.
"""


class Loss(Component):
    """One term that a player minimises.

    The parameters of ``__call__`` are what the term reads; the recipe binds each one by name. A parameter annotated
    ``Tensor`` takes a value, one annotated ``Function`` takes a composition with a hole, and one with a default may be
    left out. Returns a scalar.
    """

    kind = "loss"
    #: "critic" for a loss that tells real from fake by the scores that it reads as ``real`` and ``fake``, "generator"
    #: for one that wants ``fake`` to be taken for real, None for any other. The doctor finds the contests of a recipe
    #: by it.
    adversarial: ClassVar[Literal["critic", "generator"] | None] = None

    #: What the term takes its parameters for, as far as findings need it (docs/findings.md).
    roles: ClassVar[Mapping[str, Role]] = {}
    #: Whether the term bounds the slope of the function that it is handed, as a Wasserstein critic needs.
    bounds_slope: ClassVar[bool] = False

    # Every loss has its own parameters: that is the interface, and no signature here could state it.
    __call__: ClassVar[Callable[..., Any]]


class Constraint(Component):
    """A rule that a player's networks obey, such as clipped weights or a bounded spectral norm."""

    kind = "constraint"

    #: Whether it bounds the slope of the networks that it acts on, as a Wasserstein critic needs.
    bounds_slope: ClassVar[bool] = False

    def clips_norms(self) -> bool:
        """Whether these settings clip the gains of norm layers too."""
        return False

    def attach(self, network: nn.Module) -> None:
        """Change ``network`` once, after it is built and before its optimiser is made."""

    def enforce(self, network: nn.Module) -> None:
        """Act on ``network`` after each step of its optimiser, without gradients."""


class Schedule(Component):
    """Says who moves in which round."""

    kind = "schedule"

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        """The players that move in ``round`` (counted from 0), in order. ``players`` is the recipe's order."""
        raise NotImplementedError

    def names(self) -> Iterable[str]:
        """The players that the settings mention, so that a misspelt one is found before training."""
        return ()


class SteeredSchedule(Schedule):
    """A schedule that steers by a figure of the run, such as the critic's accuracy.

    As with a loss, the parameters of ``__call__`` are the values that it reads, which some player's losses read too; it
    returns the figure, a tensor of one element, on the values' device: calling ``.item()`` there would make the device
    wait. It is taken in every round in which a move computes these values, before the mover's step, and heard three
    rounds later, whether or not the run was stopped between. All that a schedule remembers is numbers by name, which
    checkpoints hold; the component itself keeps nothing.
    """

    __call__: ClassVar[Callable[..., Any]]

    def begin(self) -> Mapping[str, float]:
        """What it remembers before it has heard anything."""
        raise NotImplementedError

    def heard(self, memory: Mapping[str, float], figure: float) -> Mapping[str, float]:
        """What it remembers once it has heard a figure, which is finite; ``memory`` is left as it is."""
        raise NotImplementedError

    def moves_after(self, memory: Mapping[str, float], round: int, players: Sequence[str]) -> Sequence[str]:
        """The players that move in ``round`` with such a memory, as ``moves`` tells them."""
        raise NotImplementedError

    def moves(self, round: int, players: Sequence[str]) -> Sequence[str]:
        """The movers of a run that has heard nothing yet: what plans are drawn of."""
        return self.moves_after(self.begin(), round, players)


# -------------------------------------------------------------------------------------------------------------- data


@frozen
class Field:
    """What one field of a batch holds."""

    #: The shape of one sample, without the batch: ``(3, 64, 64)`` for an image, ``()`` for a label.
    shape: tuple[int, ...]
    #: Images and noise are float32 (images in [-1, 1]), labels int64.
    dtype: Literal["float32", "int64"] = "float32"
    #: How many classes a label has; None for what is no label.
    classes: int | None = None
    #: The random factors that the field is a function of, by names of the source's own choosing: an image shows them, a
    #: label or a code tells them. Empty for a constant and for noise; None where the source does not say.
    factors: frozenset[str] | None = None


class Source(Protocol):
    """Opened data: a pure function from (seed, position) to a batch.

    There is no iterator and therefore no loader state: any number of workers may ask for any batch, and a resumed run
    asks for the next position.

    A source whose sample n = position * size + i is a function of (seed, n), however the stream is cut into batches,
    says so by an attribute ``by_sample = True``: several processes then make only their own samples each.
    """

    #: A sha256 that changes whenever any sample would.
    fingerprint: str

    def __len__(self) -> int:
        """How many different samples there are (for an endless source, what one pass is taken to be)."""
        ...

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> Mapping[str, np.ndarray]:
        """Batch number ``position``: ``size`` samples of every declared field, as a function of the arguments alone.

        ``fields`` names those that will be read: the others need not be made, and leaving them out changes none of
        these. None stands for all. Called in a thread beside the loop, in which torch, on a CPU, takes one core.
        """
        ...


class Data(Component):
    """Where batches come from."""

    kind = "data"

    def fields(self) -> Mapping[str, Field]:
        """The fields of a batch, told without opening the data (names may be listed, nothing is decoded)."""
        raise NotImplementedError

    def more(self) -> Mapping[str, int | float | str]:
        """Settings under which training would see more different samples, by name, as a recipe states them.

        A cure for too few of them proposes these. Empty where there are no more to be had, and for data without end;
        told, like the fields, without opening the data.
        """
        return {}

    def open(self, *, held_out: bool = False) -> Source:
        """Open the training part, or the part that training never sees.

        What takes long, here or in a batch, tells how far it is by ``gan_recipe.progress``: a run waits for that as
        long as it moves, and else for ``$GAN_RECIPE_PATIENCE`` seconds. It is called in a thread.
        """
        raise NotImplementedError


# ----------------------------------------------------------------------------------------------------------- figures


class Examples(Protocol):
    """A value over the *training* stream, handed to a metric that must learn something before it can judge."""

    #: A sha256 of the data and of the value's expression.
    fingerprint: str

    def batch(self, position: int) -> Tensor:
        """The value on training batch ``position``; equal positions of two values belong to the same samples."""
        ...


class Metric(Component):
    """A figure over held-out samples, taken in eval mode with the averaged weights where there are some.

    As with a loss, the parameters of ``__call__`` are what it reads: ``Tensor`` parameters take a value over all
    held-out samples at once (on the CPU, float32 or int64); ``Examples`` parameters take a value over the training
    stream. Returns a float.
    """

    kind = "metric"

    __call__: ClassVar[Callable[..., Any]]

    # Optional, for a metric that takes ``Examples``, with the same ones as parameters: ``learn`` learns ahead of time,
    # keeps it and says how well it went; ``has_learnt`` tells whether ``__call__`` would find that. With both the
    # metric can be taken while a run trains.
    learn: ClassVar[Callable[..., str]]
    has_learnt: ClassVar[Callable[..., bool]]


# -------------------------------------------------------------------------------------------------------- the doctor


class Signal(Component):
    """Something measured while a run trains, in a few of its rounds, at little cost and without disturbing it.

    Figures are named as the paths that verdicts read: ``gan/gap`` measured at the critic's move is written to
    ``metrics.jsonl`` as ``signals/critic/gan/gap``. Values may be tensors of one element, which are read from the
    device some rounds later: calling ``.item()`` here would make the device wait. What cannot be measured in this
    recipe is left out, and ``without`` says why.
    """

    kind = "signal"
    #: Measured only in every so many of the rounds in which the doctor looks; dear signals are looked at rarely.
    sparse: ClassVar[int] = 1

    def at_move(self, moment: Moment) -> Mapping[str, Tensor | float]:
        """Figures of one player's move, seen between its losses and its step."""
        return {}

    def at_step(self, moment: Moment) -> Mapping[str, Tensor | float]:
        """Figures of the same move after the round: the weights have moved, and hold the gradients that moved them."""
        return {}

    def at_round(self, look: Look) -> Mapping[str, Tensor | float]:
        """Figures of the whole run between two rounds, named as they shall be written: ``label/pose``."""
        return {}

    def without(self, case: Case) -> Mapping[str, str]:
        """What this recipe leaves unmeasured, and why; told before training, without torch."""
        return {}


@frozen
class Finding:
    """What is wrong with a run, as one verdict sees it now."""

    #: In plain words, with the figures that support it.
    told: str
    #: Those figures by name.
    figures: Mapping[str, float]
    #: Lines of a recipe that extends the run's and treats it; empty when there is no such treatment.
    cure: tuple[str, ...] = ()
    #: What it is about, where there may be several: a contest, a loss, a label.
    about: str = ""
    #: The round of the first figures that show it, where several are needed; None where those of now do.
    since: int | None = None
    #: Other treatments, each the lines of a recipe of its own.
    others: tuple[tuple[str, ...], ...] = ()


class Verdict(Component):
    """A failure that the doctor knows, told from the figures of signals and losses so far."""

    kind = "verdict"

    def judge(self, case: Case) -> Iterable[Finding]:
        """What is wrong now; called whenever there are new figures. Reads no tensor and draws no random number."""
        raise NotImplementedError


KINDS: dict[str, type[Component]] = {
    cls.kind: cls for cls in (Encoder, Decoder, Head, Loss, Constraint, Schedule, Data, Metric, Signal, Verdict)
}
