"""An exported value: one module with named inputs, and loading it back where the data is not.

A folder that ``gan-recipe export`` wrote holds ``model.safetensors``, ``recipe.toml`` and ``value.json``. ::

    from gan_recipe.exports.exported import load_value

    fake = load_value("exports/fake")
    images = fake(noise=torch.randn(16, 100))
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import torch
from attrs import frozen
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, fx, nn

from gan_recipe.components.registry import Registry
from gan_recipe.engine.build import build_networks
from gan_recipe.errors import UserError
from gan_recipe.interfaces import Data, Field, Source
from gan_recipe.language.check import check_file
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.recipe import Recipe
from gan_recipe.language.recipe_file import load

WEIGHTS = "model.safetensors"
RECIPE = "recipe.toml"
TOLD = "value.json"


@frozen
class ToldFields(Data):
    """Fields that are known from an export alone: there is nothing behind them to open."""

    told: Mapping[str, Field]

    def fields(self) -> Mapping[str, Field]:
        return self.told

    def open(self, *, held_out: bool = False) -> Source:
        raise ValueError("an exported value holds no data")


def input_names(node: Node) -> dict[str, str]:
    """What a value reads of the batch: the name of each input by field, ``image``, or ``lit_image`` if two share it."""
    fields = sorted(leaf.name for leaf in below([node]) if leaf.arguments is None)
    short = [field.partition(".")[2] for field in fields]
    return {
        field: name if short.count(name) == 1 else field.replace(".", "_")
        for field, name in zip(fields, short, strict=True)
    }


def value_module(node: Node, networks: Mapping[str, nn.Module]) -> fx.GraphModule:
    """The value as a module whose ``forward`` takes its inputs by name and returns a tensor or a tuple of them."""
    graph = fx.Graph()
    made: dict[Node, fx.Node] = {}
    names = input_names(node)
    leaves = {leaf.name: leaf for leaf in below([node]) if leaf.arguments is None}
    for field, name in names.items():
        made[leaves[field]] = graph.placeholder(name)
    for each in below([node]):
        if each.arguments is not None:
            made[each] = graph.call_module(
                _module_name(each.name), tuple(made[argument] for argument in each.arguments)
            )
    graph.output(made[node])
    root = nn.Module()
    for name in sorted(node.networks):
        root.add_module(_module_name(name), networks[name])
    return fx.GraphModule(root, graph).eval()


def weights_of(module: fx.GraphModule, node: Node) -> dict[str, Tensor]:
    """The weights by ``network/name``, as checkpoints name them."""
    return {
        f"{name}/{key}": tensor.contiguous()
        for name in sorted(node.networks)
        for key, tensor in module.get_submodule(_module_name(name)).state_dict().items()
    }


def load_value(folder: str | Path) -> fx.GraphModule:
    """The exported value of ``folder`` with its weights, in eval mode on the CPU. Its data need not be there.

    Raises UserError for a folder that is no export, and for weights that the recipe's networks do not have.
    """
    folder = Path(folder)
    try:
        told = json.loads((folder / TOLD).read_text(encoding="utf-8"))
        weights = load_file(folder / WEIGHTS)
        value, fields = str(told["value"]), _fields(told["fields"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, SafetensorError) as error:
        raise UserError(f"{folder} is no value exported as safetensors: {type(error).__name__}: {error}") from None
    recipe = _without_surroundings(folder, fields)
    if value not in recipe.values:
        raise UserError(f"{folder / RECIPE} has no value {value!r}, of which {folder / TOLD} speaks")
    node = recipe.values[value]
    alone = attrs.evolve(recipe, values={value: node}, players={}, columns=(), metrics={})
    example = {name: _example(field) for name, field in recipe.fields.items()}
    networks = build_networks(alone, example)
    for name, network in networks.items():
        prefix = f"{name}/"
        mine = {key.removeprefix(prefix): tensor for key, tensor in weights.items() if key.startswith(prefix)}
        try:
            network.to(memory_format=torch.contiguous_format).load_state_dict(mine)
        except RuntimeError as error:
            raise UserError(f"{folder / WEIGHTS} does not fit the network {name!r}: {error}") from None
        network.requires_grad_(False)
    return value_module(node, networks)


def _without_surroundings(folder: Path, fields: Mapping[str, Mapping[str, Field]]) -> Recipe:
    """The recipe checked without what is elsewhere: its data, the runs that it began from, its observers."""
    file = load(str(folder / RECIPE))
    networks, run = file.tables.get("networks"), file.tables.get("run")
    for network in networks.values() if isinstance(networks, dict) else ():
        if isinstance(network, dict):
            network.pop("start", None)
    if isinstance(run, dict):
        run["observers"] = []
    told = {source: ToldFields(each) for source, each in fields.items()}
    return check_file(file, Registry.installed(), data=told, starts=None)


def _fields(told: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Field]]:
    found: dict[str, dict[str, Field]] = {}
    for full, each in told.items():
        source, _, name = full.partition(".")
        found.setdefault(source, {})[name] = Field(tuple(each["shape"]), each["dtype"], each["classes"])
    return found


def _example(field: Field) -> Tensor:
    return torch.zeros(2, *field.shape, dtype=torch.int64 if field.dtype == "int64" else torch.float32)


def _module_name(network: str) -> str:
    # A network may be called ``graph`` or ``code``, which every fx module has already.
    return f"network_{network}"
