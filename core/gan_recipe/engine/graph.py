"""The training graph: networks, and the moves of a round carried out as planned."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from gan_recipe.components.failure import blame
from gan_recipe.engine.concatenation import Value, concatenated, rows, taken_apart
from gan_recipe.engine.norms_in_full import norms_in_full
from gan_recipe.language.dataflow import Node
from gan_recipe.language.plan import Compute, Move, Term

Store = dict[Node, Value]
_NOTHING = nullcontext()


class Graph:
    """The networks of a recipe, and the values that they compute."""

    def __init__(self, networks: Mapping[str, nn.Module], *, bf16: bool = False, device: str = "cpu") -> None:
        self.networks = dict(networks)
        self.forward: dict[str, Callable[..., Value]] = dict(networks)
        self.parameters = {name: list(network.parameters()) for name, network in networks.items()}
        self._differentiable: dict[str, bool] = {}
        self._autocast: Callable[[], AbstractContextManager[Any]] | None = (
            partial(torch.autocast, device.partition(":")[0], torch.bfloat16) if bf16 else None
        )
        if bf16 and device == "cpu":
            for network in networks.values():
                norms_in_full(network)
        # One for all rounds: making it costs as much as entering it, and it is never entered twice.
        self._no_grad = torch.no_grad()
        self._weights: dict[tuple[tuple[float, ...], torch.dtype], list[Tensor]] = {}
        for name in networks:
            self.differentiate(name, False)

    def differentiate(self, network: str, wanted: bool) -> None:
        """Whether calls of ``network`` from now on record gradients for its parameters."""
        self._differentiable[network] = wanted
        for parameter in self.parameters[network]:
            parameter.requires_grad = wanted

    def compute(self, move: Move, store: Store) -> None:
        """Compute what the move reads and ``store`` lacks."""
        for stretch in move.stretches:
            for network, trained in stretch.networks:
                if self._differentiable[network] is not trained:
                    self.differentiate(network, trained)
            if stretch.gradients_for is None:
                with self._no_grad:
                    self._call(stretch.steps, store)
            else:
                self._call(stretch.steps, store)

    def _call(self, steps: Sequence[Compute], store: Store) -> None:
        """Calls that share their gradients. Autocast keeps casted weights within it, so it may not span two players."""
        if self._autocast:
            with self._autocast():
                self._call_all(steps, store)
        else:
            self._call_all(steps, store)

    def _call_all(self, steps: Sequence[Compute], store: Store) -> None:
        forward = self.forward
        for step in steps:
            only = step.only
            try:
                if only is not None:
                    store[step.node] = forward[step.network](store[only])
                elif step.concatenated:
                    self._call_once(step.concatenated, store)
                else:
                    store[step.node] = forward[step.network](*_arguments(step, store))
            except Exception as error:  # a stranger's network may raise anything, as may a loss
                blame(error, "networks", step.network)

    def _call_once(self, steps: Sequence[Compute], store: Store) -> None:
        """Several calls of a network as one."""
        batches = [_arguments(step, store) for step in steps]
        made = self.forward[steps[0].network](*map(concatenated, zip(*batches, strict=True)))
        parts = taken_apart(made, [rows(each[0]) for each in batches])
        for step, part in zip(steps, parts, strict=True):
            store[step.node] = part

    def losses(self, move: Move, store: Store) -> list[Tensor]:
        """The raw value of every due loss, in order."""
        for network, trained in move.function_networks.items():
            if self._differentiable[network] is not trained:
                self.differentiate(network, trained)
        values = []
        autocast = self._autocast
        for term in move.terms:
            read = {}
            for name, node in term.nodes:  # as a comprehension this is a quarter slower
                read[name] = store[node]
            if autocast or not term.as_it_is:
                self._prepare(read, term, store)
            try:
                values.append(term.loss.component(**read))
            except Exception as error:
                blame(error, *term.loss.key)
        return values

    def weights(self, move: Move, values: Sequence[Tensor], round: int) -> list[Tensor]:
        """Of each due loss what its gradient begins with, which weighs it without an operation of its own."""
        if move.weights is None:
            weights = [term.loss.counts(round) for term in move.terms]
            return list(map(torch.full_like, values, weights))
        key = move.weights, values[0].dtype
        if key not in self._weights:
            self._weights[key] = list(map(torch.full_like, values, move.weights))
        return self._weights[key]

    def _prepare(self, read: dict[str, Any], term: Term, store: Store) -> None:
        """Cut off what the mover's gradients may not pass, take it in full precision, and hand over functions."""
        for name in term.cut:
            read[name] = cut(read[name])
        if self._autocast:
            read.update({name: full(value) for name, value in read.items()})
        if term.loss.functions:
            inputs = {
                each.node: full(cut(store[each.node]) if each.cut else store[each.node]) for each in term.function_reads
            }
            for name, node in term.loss.functions.items():
                read[name] = partial(self.apply, node, inputs)

    def apply(self, node: Node, inputs: Mapping[Node, Value], hole: Tensor) -> Value:
        """A composition of networks at ``hole``, in full precision: penalties differentiate it twice."""
        if not node.open:
            return inputs[node]
        if node.arguments is None:
            return hole
        arguments = [self.apply(argument, inputs, hole) for argument in node.arguments]
        try:
            return self.networks[node.name](*arguments)
        except Exception as error:
            blame(error, "networks", node.name)

    def evaluate(self, nodes: Sequence[Node], batch: Mapping[str, Tensor]) -> list[Value]:
        """Values on a batch, without gradients, in the networks' present mode."""
        store: Store = {}

        def value(node: Node) -> Value:
            if node not in store:
                if node.arguments is None:
                    store[node] = batch[node.name]
                else:
                    arguments = [value(argument) for argument in node.arguments]
                    try:
                        store[node] = self.forward[node.name](*arguments)
                    except Exception as error:
                        blame(error, "networks", node.name)
            return store[node]

        with torch.no_grad(), self._autocast() if self._autocast else _NOTHING:
            found = [value(node) for node in nodes]
        return [full(each) for each in found]


def _arguments(step: Compute, store: Store) -> list[Value]:
    """What a network is called with, cut off where the plan says so."""
    return [cut(store[node]) if away else store[node] for node, away in zip(step.arguments, step.cut, strict=True)]


def cut(value: Value) -> Value:
    """The value without the graph that made it."""
    return value.detach() if isinstance(value, Tensor) else tuple(map(cut, value))


def full(value: Value) -> Value:
    """The value in float32 where it is a shorter float: losses compute in full precision."""
    if isinstance(value, Tensor):
        return value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    return tuple(map(full, value))
