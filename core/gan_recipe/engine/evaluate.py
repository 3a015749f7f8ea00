"""Metrics taken over held-out samples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

from torch import Tensor

from gan_recipe.components.failure import raised
from gan_recipe.engine.training import Training
from gan_recipe.errors import RunError
from gan_recipe.language.dataflow import Node, below
from gan_recipe.language.recipe import MetricSpec


def measure(training: Training, *, baseline: bool = False) -> dict[str, float]:
    """Every metric of the recipe by name; with ``baseline`` those that state one, as it was before learning.

    Raises RunError for a metric that fails or is no finite number.
    """
    recipe = training.recipe
    chosen = {
        name: (spec.baseline if baseline else spec.reads)
        for name, spec in recipe.metrics.items()
        if not baseline or spec.baseline
    }
    nodes = list({node: None for reads in chosen.values() for node in (reads or {}).values()})
    if not chosen:
        return {}
    with training.averaged():
        values = dict(zip(nodes, training.values(nodes, recipe.run.held_out), strict=True))
        return {
            name: figure(training, recipe.metrics[name], {each: values[node] for each, node in (reads or {}).items()})
            for name, reads in chosen.items()
        }


def figure(training: Training, spec: MetricSpec, reads: Mapping[str, Tensor]) -> float:
    """One metric of what it reads. Raises RunError when it fails or is no finite number."""
    where = training.recipe.where(spec.key)
    try:
        found = float(spec.component(**reads, **examples_of(training, spec)))
    except RunError:
        raise
    except Exception as error:  # a stranger's metric may raise anything
        raise RunError(f"{where}: {raised(error, spec.component)}. The trained weights are kept") from error
    if not math.isfinite(found):
        raise RunError(f"{where} is {found} on held-out samples; the weights are kept")
    return found


def examples_of(training: Training, spec: MetricSpec) -> dict[str, TrainingExamples]:
    """What the metric may learn from."""
    return {parameter: TrainingExamples(training, node) for parameter, node in spec.examples.items()}


class TrainingExamples:
    """A value over the training stream, as the interface ``Examples`` describes it."""

    def __init__(self, training: Training, node: Node) -> None:
        fields = [leaf.name for leaf in below([node]) if leaf.arguments is None]
        self._stream = training.open_stream(frozenset(fields))
        self._graph, self._node = training.graph, node
        told = [str(node), *(f"{name} {digest}" for name, digest in sorted(self._stream.fingerprints.items()))]
        run = training.recipe.run
        self.fingerprint = hashlib.sha256("\n".join([*told, f"{run.batch} {run.seed}"]).encode()).hexdigest()

    def batch(self, position: int) -> Tensor:
        (value,) = self._graph.evaluate([self._node], self._stream.in_time(position))
        found: Tensor = value.cpu()
        return found
