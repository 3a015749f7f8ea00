"""A JSON Schema (2020-12) of recipes with every installed component: what editors complete and check by.

A schema knows names, types and bounds; what a recipe means (that an expression calls a network that exists, that shapes
fit) is for ``check``. A table without ``use`` changes part of one below it, by ``extends`` or as an overlay: of such a
table the keys are known, and not their types.
"""

from __future__ import annotations

from collections.abc import Mapping

from gan_recipe.components.documentation import reads
from gan_recipe.components.registry import Registry
from gan_recipe.components.summary import summary
from gan_recipe.interfaces import Component, Constraint, Loss, Metric, Network
from gan_recipe.language.findings import MEANINGS
from gan_recipe.language.optimizers import (
    INIT_PARTS,
    INITIALISERS,
    LEARNING_RATE,
    LR_SCHEDULES,
    OPTIMIZERS,
    TIMM,
    Option,
    TorchCall,
)
from gan_recipe.language.recipe_settings import (
    Averaging,
    BalanceSettings,
    DoctorSettings,
    RecoverySettings,
    RunSettings,
    SheetSettings,
)
from gan_recipe.language.type_schema import Schema, settings_schema, table_schema, type_schema
from gan_recipe.ramp import Ramp

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_NAME = {"pattern": r"^([A-Za-z][A-Za-z0-9_]*|\*)$"}
_EXPRESSION: Schema = {
    "type": "string",
    "description": 'A value: a field, a name of [values], or "head(trunk(image))".',
}
_FUNCTION: Schema = {"type": "string", "description": 'A network, or a composition with a hole: "head(trunk(_))".'}


def recipe_schema(registry: Registry) -> Schema:
    """The schema of a recipe, of one that extends another, and of an overlay."""
    every = registry.every()

    def of(*kinds: str) -> Schema:
        return {"$ref": f"#/$defs/{kinds[0] if len(kinds) == 1 else 'network'}"}

    definitions: Schema = {
        kind: _choice({name: cls for name, cls in every.items() if cls.kind == kind})
        for kind in ("loss", "constraint", "schedule", "data", "metric", "signal", "verdict")
    }
    networks = {name: cls for name, cls in every.items() if issubclass(cls, Network)}
    definitions["network"] = _choice(networks)
    definitions |= {
        "optimizer": _calls(OPTIMIZERS, {"lr": LEARNING_RATE}, any_of=TIMM),
        "lr_schedule": _calls(LR_SCHEDULES),
        "initialiser": _calls(INITIALISERS),
        "init": table_schema({key: {"$ref": "#/$defs/initialiser"} for key in INIT_PARTS}),
        "weight": {
            "description": "The term's weight: a number, or a ramp.",
            "default": 1.0,
            "anyOf": [{"type": "number"}, settings_schema(Ramp)],
        },
        "player": _player(),
        "whole": _whole(),
    }
    observers = sorted(registry.plugins)
    run = settings_schema(RunSettings)
    run["properties"]["observers"]["items"] = {"enum": observers}
    run.pop("required")
    doctor = settings_schema(DoctorSettings)
    doctor["properties"] |= {"signals": _named(of("signal")), "verdicts": _named(of("verdict"))}
    recovery = settings_schema(RecoverySettings)
    recovery.pop("required")
    return {
        "$schema": DIALECT,
        "title": "A recipe of gan-recipe",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "extends": {
                "type": "string",
                "description": "The recipe that this one changes: a file beside it or shipped.",
            },
            "run": run,
            "data": _named(of("data"), "Named sources of data."),
            "networks": _named(of("encoder", "decoder", "head"), "Named networks."),
            "values": _named(_EXPRESSION, "Named values."),
            "players": _named({"$ref": "#/$defs/player"}, "Named players."),
            "schedule": of("schedule"),
            "sheet": settings_schema(SheetSettings),
            "metrics": _named(of("metric"), "Figures over held-out samples."),
            "doctor": doctor,
            "recovery": recovery,
            "findings": _findings(),
        },
        "if": {"required": ["players"], "not": {"required": ["extends"]}},
        "then": {"$ref": "#/$defs/whole"},
        "$defs": definitions,
    }


# ------------------------------------------------------------------------------------------------------- tables


def _named(entry: Schema, description: str = "") -> Schema:
    """A table whose keys are names that the recipe gives."""
    found = {"type": "object", "propertyNames": _NAME, "additionalProperties": entry}
    return found | ({"description": description} if description else {})


def _choice(components: Mapping[str, type[Component]]) -> Schema:
    """A table that uses one of the components, or changes some settings of one."""
    tables = [_component(name, cls) for name, cls in sorted(components.items())]
    return _one_of(tables)


def _one_of(tables: list[Schema]) -> Schema:
    names = [table["properties"]["use"].get("const") for table in tables]
    keys: Schema = {name: {} for table in tables for name in table["properties"] if name != "use"}
    for table in tables:
        for name, schema in table["properties"].items():
            if name != "use" and all(each["properties"].get(name, schema) == schema for each in tables):
                keys[name] = schema
    part = table_schema(keys) | {"title": "part of a table", "not": {"required": ["use"]}}
    use: Schema = {"type": "string"}
    if all(names):
        use["enum"] = names
    return {"type": "object", "properties": {"use": use}, "anyOf": [*tables, part]}


def _component(name: str, cls: type[Component]) -> Schema:
    found = settings_schema(cls)
    around: Schema = {}
    required = list(found.get("required", ()))
    if issubclass(cls, Network):
        around = {
            "start": {"type": "string", "description": "Weights to start from: RUN, RUN@ROUND or RUN@ROUND:NETWORK."},
            "init": {"$ref": "#/$defs/init"},
            "concat": {
                "type": "boolean",
                "default": False,
                "description": "Make its calls that are due at once in a move as one, on their batches concatenated.",
            },
        }
    elif issubclass(cls, Loss):
        every = {"type": "integer", "minimum": 1, "default": 1, "description": "Computed at every so many moves."}
        around = {"weight": {"$ref": "#/$defs/weight"}, "every": every}
    elif issubclass(cls, Constraint):
        names = {"type": "array", "items": {"type": "string"}, "minItems": 1}
        around = {"on": names | {"description": "The player's networks that it acts on; left out: all."}}
    told = reads(cls)
    values = {read.name: _FUNCTION if read.kind == "function" else _EXPRESSION for read in told}
    if issubclass(cls, Metric):
        replaced = {read.name: _EXPRESSION for read in told if read.kind == "value"}
        around = {
            "baseline": table_schema(replaced, (), "What is read in place, for the figure before anything is learned.")
        }
    required += [read.name for read in told if read.required]
    use = {"const": name, "description": summary(cls)}
    table = table_schema({"use": use, **values, **found["properties"], **around}, ["use", *required], summary(cls))
    return table | {"title": name}


def _calls(calls: Mapping[str, TorchCall], also: Mapping[str, Option] | None = None, any_of: str = "") -> Schema:
    """A table that uses a function of torch's by name."""
    tables = []
    for name, call in calls.items():
        options = {option: _option(form) for option, form in {**(also or {}), **call.options}.items()}
        use = {"const": name, "description": f"torch's {call.name}"}
        required = ["use", *(also or ()), *call.required]
        tables.append(table_schema({"use": use, **options}, required) | {"title": name})
    if any_of:
        use = {"type": "string", "pattern": f"^{any_of}", "description": "An optimiser of timm's."}
        known = {option: _option(form) for option, form in (also or {}).items()}
        other = table_schema({"use": use, **known}, ["use", *known]) | {"title": any_of, "additionalProperties": True}
        tables.append(other)
    return _one_of(tables)


def _option(option: Option) -> Schema:
    schema = type_schema(option.type)
    bounds = {"minimum": option.least, "exclusiveMaximum": option.below, "exclusiveMinimum": option.above}
    stated = {name: bound for name, bound in bounds.items() if bound is not None}
    for numbers in (schema, schema.get("items"), *schema.get("prefixItems", ())):
        if isinstance(numbers, dict) and numbers.get("type") in ("integer", "number"):
            numbers |= stated
    return schema


def _player() -> Schema:
    names = {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
    return table_schema(
        {
            "trains": names | {"description": "The networks that the player steers."},
            "optimizer": {"$ref": "#/$defs/optimizer"},
            "lr_schedule": {"$ref": "#/$defs/lr_schedule"},
            "losses": _named({"$ref": "#/$defs/loss"}, "What the player minimises: named terms."),
            "constraints": _named({"$ref": "#/$defs/constraint"}, "Rules that the player's networks obey."),
            "ema": {
                "description": "Decay of the running average of the weights, which sheets and metrics use.",
                "anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, settings_schema(Averaging)],
            },
            "balance": settings_schema(BalanceSettings),
            "clip_gradients": {
                "type": "number",
                "exclusiveMinimum": 0,
                "description": "The longest that the gradient of all the player's weights together may be.",
            },
        },
        (),
        "A player: networks, an optimiser, and what to minimise.",
    )


def _findings() -> Schema:
    """Reasons by the name of what they silence."""
    reasons = {name: {"type": "string", "description": meaning.summary} for name, meaning in MEANINGS.items()}
    return table_schema(
        {"silence": table_schema(reasons, (), "Findings that are meant, and why.")}, (), "What is found, and meant."
    )


def _whole() -> Schema:
    """What a recipe that extends nothing must state."""
    uses = {"additionalProperties": {"required": ["use"]}}
    player = {"required": ["trains", "optimizer", "losses"], "properties": {"losses": uses, "constraints": uses}}
    return {
        "required": ["run", "data", "networks", "players", "schedule"],
        "properties": {
            "run": {"required": ["rounds"]},
            "data": uses,
            "networks": uses,
            "players": {"additionalProperties": player},
            "schedule": {"required": ["use"]},
            "metrics": uses,
        },
    }
