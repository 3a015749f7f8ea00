"""A loss as a curve: what it is over the score, the difference or the slope that it is about."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from gan_recipe.components.documentation import reads, settings
from gan_recipe.interfaces import Component, Loss
from gan_recipe.site.component_pages import Picture
from gan_recipe.site.svg import Line, chart

if TYPE_CHECKING:
    from torch import Tensor

_SCORES = ("verdict", "logit", "wasserstein")
_POINTS = 81


def loss_curve(cls: type[Component]) -> Picture | None:
    """The loss with its default settings. None where no setting, score, difference or slope alone decides it."""
    if not issubclass(cls, Loss) or any(each.default is None for each in settings(cls)):
        return None
    required = [each for each in reads(cls) if each.required]
    roles = {each.name: cls.roles.get(each.name, "verdict" if cls.adversarial else None) for each in required}
    loss: Any = cls()
    functions = [each.name for each in required if each.kind == "function"]
    if functions and roles[functions[0]] == "critic":
        return _of_slope(loss, functions, [each.name for each in required if each.kind == "value"])
    if functions or not roles:
        return None
    if all(role in _SCORES for role in roles.values()):
        return _of_scores(loss, list(roles))
    if set(roles.values()) == {"output", "target"}:
        output, target = (next(name for name, role in roles.items() if role == each) for each in ("output", "target"))
        return _of_difference(loss, output, target)
    if set(roles.values()) == {"class_logits", "labels"}:
        logits, labels = (
            next(name for name, role in roles.items() if role == each) for each in ("class_logits", "labels")
        )
        return _of_margin(loss, logits, labels)
    return None


def _of_scores(loss: Any, names: list[str]) -> Picture | None:
    import torch

    def over(varied: str) -> Callable[[float], Any]:
        return lambda score: loss(**{name: torch.full((1, 1), score if name == varied else 0.0) for name in names})

    lines = {f"of {name}": _points(over(name), -4, 4) for name in names}
    others = ", the other's being 0" if len(names) == 2 else ", all others being 0" if len(names) > 2 else ""
    return _picture(lines, "the critic's score", f"The loss over the score of {' or '.join(names)}{others}.")


def _of_difference(loss: Any, output: str, target: str) -> Picture | None:
    import torch

    def at(difference: float) -> Tensor:
        made: Tensor = loss(**{output: torch.full((1, 1, 1, 1), difference), target: torch.zeros(1, 1, 1, 1)})
        return made

    along = f"{output} - {target}"
    return _picture({"the loss": _points(at, -2, 2)}, along, f"The loss over the difference, {along}.")


def _of_margin(loss: Any, logits: str, labels: str) -> Picture | None:
    import torch

    def at(margin: float) -> Tensor:
        made: Tensor = loss(**{logits: torch.tensor([[margin, 0.0]]), labels: torch.tensor([0])})
        return made

    told = "The loss over the right class's logit, of two classes, the other's being 0."
    return _picture({"the loss": _points(at, -4, 4)}, "the right class's logit", told)


def _of_slope(loss: Any, functions: list[str], values: list[str]) -> Picture | None:
    import torch

    def at(slope: float) -> Tensor:
        points = {name: torch.full((8, 1), float(index)) for index, name in enumerate(values)}
        critics = {name: lambda x: slope * x for name in functions}
        made: Tensor = loss(**points, **critics)
        return made.detach()

    told = "The loss over the slope of a critic that is a straight line."
    return _picture({"the loss": _points(at, 0, 3)}, "the critic's slope", told)


def _points(of: Callable[[float], Any], least: float, most: float) -> list[tuple[float, float]]:
    xs = [least + (most - least) * step / (_POINTS - 1) for step in range(_POINTS)]
    return [(x, float(of(x))) for x in xs]


def _picture(lines: Mapping[str, list[tuple[float, float]]], along: str, caption: str) -> Picture | None:
    drawn: list[Line] = list(lines.items())
    if not all(math.isfinite(y) for line in lines.values() for _, y in line):
        return None
    return Picture(chart(drawn, along, caption), caption)
