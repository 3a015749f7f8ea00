"""What is tried: a component with examples of what it reads, and how a failed check speaks."""

from __future__ import annotations

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from gan_recipe.interfaces import ClassCount, Component, Field

if TYPE_CHECKING:
    from torch import nn

#: One value: a field (one tensor), or a tuple of fields where the value is a tuple of maps.
Value = Field | tuple[Field, ...]

_CLASSES = ClassCount(4)


class Failure(AssertionError):
    """A promise that is not kept."""

    def __init__(self, found: str, expected: str, cure: str) -> None:
        self.found, self.expected, self.cure = found, expected, cure
        super().__init__(f"found: {found}\n  expected: {expected}\n  cure: {cure}")


class ConformanceError(AssertionError):
    """All checks that a component failed; ``failures`` has each one's reason by name."""

    def __init__(self, told: str, failures: Mapping[str, str]) -> None:
        self.failures = dict(failures)
        super().__init__(told)


@attrs.frozen
class Trial:
    """A component and what it is tried on; whatever is left out, the kit chooses.

    Fields describe one sample: ``Field((3, 64, 64))`` is a batch of images, ``Field((), "int64", 10)`` one of labels of
    ten classes, and a tuple of fields is a value that is a tuple of maps.
    """

    #: The component, or its class where every setting has a default (a class count may be missing: 4 is stated).
    component: Component | type[Component]
    #: Networks: what the first call is fed, one value each.
    inputs: Sequence[Value] | None = None
    #: Networks: what comes out, without the batch. Left out: any shape will do.
    output: Value | None = None
    #: Losses and metrics: what is read, by parameter. An optional parameter that is not named is left out.
    reads: Mapping[str, Value] = attrs.field(factory=dict)
    #: Networks: the backend of ``torch.compile``. ``aot_eager`` tries what is captured and needs no compiler;
    #: ``inductor``, which ``run.compile`` uses, writes and runs the code as well: seconds more, and a C++ compiler.
    backend: str = "aot_eager"
    #: Schedules: the players.
    players: tuple[str, ...] = ("critic", "generator")
    #: Schedules: within how many rounds everybody must have moved.
    rounds: int = 1_000
    #: Constraints: makes the network to act on, which takes images (B, 3, 8, 8). Left out: a small convolutional one.
    network: Callable[[], nn.Module] | None = None
    #: Metrics: the least and the greatest value that the figure can have.
    bounds: tuple[float, float] | None = None
    #: Data: samples of the training part that are compared with all held-out ones.
    samples: int = 256
    #: Signals and verdicts: the recipe they are tried in, by name or file. Left out: a small contest of points, with a
    #: player ``critic`` (losses ``gan`` and ``mode``) and a player ``generator`` (``gan`` and ``near``).
    recipe: str = ""
    #: Verdicts: figures of a healthy run by name, without ``signals/``, beside those of the built-in signals, which the
    #: kit knows. A number that stays, or one for each of 40 looks, 50 rounds apart; the last of fewer goes on.
    healthy: Mapping[str, float | Sequence[float]] = attrs.field(factory=dict)
    #: Verdicts: in the same way, the figures that are others in a run of which it must tell.
    failing: Mapping[str, float | Sequence[float]] = attrs.field(factory=dict)
    #: Checks that this component cannot pass, by name, and why.
    exempt: Mapping[str, str] = attrs.field(factory=dict)
    #: What tests call the trial; the component's name by default.
    label: str = ""

    @property
    def cls(self) -> type[Component]:
        """The component's class."""
        return self.component if isinstance(self.component, type) else type(self.component)

    @property
    def name(self) -> str:
        return self.label or self.cls.__name__

    @property
    def kind(self) -> str:
        return str(getattr(self.cls, "kind", ""))

    def made(self) -> Any:
        """The component with its settings. Raises Failure when the defaults do not make one."""
        if not isinstance(self.component, type):
            return self.component
        try:
            return self.cls(**_class_counts(self.cls))
        except Exception as error:
            raise Failure(
                f"{self.cls.__name__}() raises {type(error).__name__}: {error}",
                "a component that its defaults make",
                "give every setting a default, or give the kit the component with its settings: "
                f"{self.cls.__name__}(...) in place of the class",
            ) from error


def _class_counts(cls: type[Component]) -> dict[str, ClassCount]:
    """The settings without a default that count classes."""
    hints = typing.get_type_hints(cls)
    fields: Any = attrs.fields(cls) if attrs.has(cls) else ()
    return {
        each.alias: _CLASSES
        for each in fields
        if each.init and each.default is attrs.NOTHING and hints[each.name] is ClassCount
    }


def first_line(error: BaseException) -> str:
    """What an error says, on one line."""
    text = re.sub(r"\s+", " ", str(error)).strip()
    told = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return told if len(told) <= 300 else told[:300] + " …"
