"""The table ``[metrics]``: figures, and what each reads."""

from __future__ import annotations

from gan_recipe.components.signature import annotation, call_parameters
from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Metric
from gan_recipe.language.dataflow import Node
from gan_recipe.language.reading import Reading
from gan_recipe.language.recipe import MetricSpec
from gan_recipe.language.recipe_settings import BESIDE
from gan_recipe.language.structure import structure


def read_metrics(reading: Reading) -> dict[str, MetricSpec]:
    """The metrics whose settings are sound, and what their parameters are bound to."""
    tables, flow = reading.tables, reading.flow
    found = {}
    for name, table in tables.entries(("metrics",)).items():
        key = ("metrics", name)
        cls = tables.component_class(table, key, Metric)
        if cls is None:
            continue
        parameters = call_parameters(cls)
        reserved = ["use", *BESIDE["metrics"], *parameters]
        component = structure(cls, table, key, tables.around, reserved=reserved)
        bound = reading.bindings(parameters, table, key, reserved)
        examples = {each for each, parameter in parameters.items() if annotation(parameter) == "Examples"}
        reads = {each: node for each, node in bound.items() if each not in examples}
        baseline: dict[str, Node] | None = dict(reads) if "baseline" in table else None
        for parameter, stated in tables.table((*key, "baseline")).items():
            at = (*key, "baseline", parameter)
            if parameter not in parameters or parameter in examples:
                known = [each for each in parameters if each not in examples]
                tables.report(at, f"the metric reads no such value.{did_you_mean(parameter, known)}")
            elif (node := reading.node(stated, at, flow.value)) is not None and baseline is not None:
                baseline[parameter] = node
        if component is not None:
            told = {each: node for each, node in bound.items() if each in examples}
            found[name] = MetricSpec(name, table["use"], component, reads, told, baseline, key)
    return found
