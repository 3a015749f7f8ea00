"""A network as a column of shapes: what goes in, and what each stage makes of it, as one shipped recipe builds it.

It is built on torch's meta device, where tensors have shapes and no numbers: nothing is computed, downloaded or kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from attrs import frozen

from gan_recipe.components.documentation import settings
from gan_recipe.components.registry import Registry
from gan_recipe.errors import RecipeError
from gan_recipe.interfaces import Component, Decoder, Network
from gan_recipe.runs.check_recipe import check
from gan_recipe.site.component_pages import Picture
from gan_recipe.site.svg import drawing, text
from gan_recipe.site.uses import shipped_uses

if TYPE_CHECKING:
    from torch import nn

_BATCH = 4
_NOISE = 100
_MOST_STAGES = 14
_ROW, _MIDDLE, _WIDEST = 30, 74, 130


@frozen
class Stage:
    """Layers one after the other that give the same shape."""

    layers: tuple[str, ...]
    #: Without the batch.
    shape: tuple[int, ...]


def shapes_drawer(registry: Registry) -> Callable[[str, type[Component]], Picture | None]:
    """Draws networks; each recipe is built at most once."""

    @cache
    def built(recipe: str) -> dict[str, tuple[Stage, ...]]:
        return _stages_of(recipe, registry)

    def draw(name: str, cls: type[Component]) -> Picture | None:
        if not issubclass(cls, Network):
            return None
        for recipe in shipped_uses().get(name, ()):
            if stages := built(recipe).get(name):
                caption = f"Shapes without the batch, from input to output, as the recipe {recipe} builds it."
                return Picture(_drawn(stages, caption), caption)
        if issubclass(cls, Decoder) and all(each.default is not None for each in settings(cls)):
            caption = f"Shapes without the batch, from {_NOISE} numbers of noise to output, with its default settings."
            stages = _stages_alone(cls())
            return Picture(_drawn(stages, caption), caption) if stages else None
        return None

    return draw


def _stages_alone(component: Decoder) -> tuple[Stage, ...]:
    """The stages of a decoder that no shipped recipe uses, where it takes noise."""
    import torch

    with torch.device("meta"), _watched() as (inputs, calls):
        noise = torch.zeros(_BATCH, _NOISE)
        try:
            network = component.build(noise)
            network(noise)
        except (ValueError, TypeError, RuntimeError, LookupError):
            return ()  # it takes something else
    return _stages(network, inputs[network], calls)


def _stages_of(name: str, registry: Registry) -> dict[str, tuple[Stage, ...]]:
    """By component, the stages of the first network that the recipe makes of it; none of a recipe that is not whole."""
    import torch

    from gan_recipe.engine.build import build_networks

    try:
        recipe = check(name, (), registry, starts=None)
    except RecipeError:
        return {}  # it needs what is not here, such as a folder of photographs
    with torch.device("meta"), _watched() as (inputs, calls):
        batch = {
            field: torch.zeros(_BATCH, *each.shape, dtype=getattr(torch, each.dtype))
            for field, each in recipe.fields.items()
        }
        try:
            networks = build_networks(recipe, batch)
        except (RecipeError, NotImplementedError):
            return {}  # a component that looks at numbers cannot be built without any
    found: dict[str, tuple[Stage, ...]] = {}
    for key, network in networks.items():
        use = recipe.networks[key].use
        if use not in found and network in inputs:
            found[use] = _stages(network, inputs[network], calls)
    return found


@contextmanager
def _watched() -> Iterator[tuple[dict[nn.Module, tuple[Any, ...]], list[tuple[nn.Module, tuple[int, ...]]]]]:
    """What every module is first called with, and the shape that each call of a layer gives, in order."""
    import torch
    from torch.nn.modules import module as hooks

    inputs: dict[nn.Module, tuple[Any, ...]] = {}
    calls: list[tuple[nn.Module, tuple[int, ...]]] = []

    def before(module: nn.Module, args: tuple[Any, ...]) -> None:
        inputs.setdefault(module, args)

    def after(module: nn.Module, args: Any, output: Any) -> None:
        if not list(module.children()) and isinstance(output, torch.Tensor):
            calls.append((module, tuple(output.shape[1:])))

    placed = [hooks.register_module_forward_pre_hook(before), hooks.register_module_forward_hook(after)]
    try:
        yield inputs, calls
    finally:
        for hook in placed:
            hook.remove()


def _stages(
    network: nn.Module, inputs: Sequence[Any], calls: Sequence[tuple[nn.Module, tuple[int, ...]]]
) -> tuple[Stage, ...]:
    within, seen = set(network.modules()), set()
    stages = [Stage(("in",), tuple(tensor.shape[1:])) for tensor in _tensors(inputs)]
    first = len(stages)
    for module, shape in calls:
        if module not in within or module in seen:
            continue
        seen.add(module)
        layer = (_called(module),) if list(module.parameters(recurse=False)) or shape != stages[-1].shape else ()
        if len(stages) > first and stages[-1].shape == shape:
            stages[-1] = Stage((*stages[-1].layers, *layer), shape)
        else:
            stages.append(Stage(layer, shape))
    if len(stages) > _MOST_STAGES:
        # Of so many, those behind which the size changes tell the shape of the whole.
        ends = [
            each
            for each, following in zip(stages[first:], [*stages[first + 1 :], None], strict=True)
            if following is None or following.shape[1:] != each.shape[1:]
        ]
        stages = [*stages[:first], *ends]
    return tuple(stages) if first < len(stages) <= 2 * _MOST_STAGES else ()


def _tensors(values: Sequence[Any]) -> list[Any]:
    return [inner for each in values for inner in (each if isinstance(each, (tuple, list)) else (each,))]


def _called(module: nn.Module) -> str:
    """The layer in the field's words."""
    from torch import nn

    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        side, stride = module.kernel_size[0], module.stride[0]
        kind = "transposed conv" if isinstance(module, nn.ConvTranspose2d) else "conv"
        return f"{kind} {side}x{module.kernel_size[1]}" + (f" stride {stride}" if stride != 1 else "")
    name = type(module).__name__
    if "Norm" in name:
        return ""
    return {"Linear": "linear", "PReLU": ""}.get(name, name.lstrip("_"))


def _drawn(stages: Sequence[Stage], caption: str) -> str:
    sides = [stage.shape[-1] if len(stage.shape) > 1 else 1 for stage in stages]
    most = math.log2(max(sides) + 1)
    parts = []
    for number, (stage, side) in enumerate(zip(stages, sides, strict=True)):
        wide = 8 + (_WIDEST - 8) * math.log2(side + 1) / most if len(stage.shape) > 1 else 8
        y = 6 + number * _ROW
        look = "box end" if number == len(stages) - 1 else "box"
        parts.append(
            f"<rect class='{look}' x='{_MIDDLE - wide / 2:.1f}' y='{y}' width='{wide:.1f}' height='20' rx='3'/>"
        )
        shape = " x ".join(map(str, stage.shape)) or "one number"
        parts.append(text(_MIDDLE + _WIDEST / 2 + 14, y + 14, shape, look="strong"))
        parts.append(text(_MIDDLE + _WIDEST / 2 + 118, y + 14, _counted(stage.layers)))
    return drawing(520, 12 + len(stages) * _ROW, parts, caption)


def _counted(layers: Sequence[str]) -> str:
    told: list[tuple[str, int]] = []
    for layer in filter(None, layers):
        if told and told[-1][0] == layer:
            told[-1] = (layer, told[-1][1] + 1)
        else:
            told.append((layer, 1))
    words = [f"{count} times {layer}" if count > 1 else layer for layer, count in told]
    return ", ".join(words[:3]) + (", ..." if len(words) > 3 else "")
