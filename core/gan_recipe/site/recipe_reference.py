"""What a recipe may state, told by the same schema and tables that check it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gan_recipe.components.documentation import settings
from gan_recipe.components.registry import Registry
from gan_recipe.components.setting_types import describe_type
from gan_recipe.language.optimizers import INITIALISERS, LEARNING_RATE, LR_SCHEDULES, OPTIMIZERS, Option, TorchCall
from gan_recipe.language.recipe_settings import BESIDE, DoctorSettings, RecoverySettings, RunSettings, SheetSettings
from gan_recipe.language.schema import recipe_schema
from gan_recipe.ramp import Ramp
from gan_recipe.site.component_pages import settings_table
from gan_recipe.site.markdown import code, page, prose, table

_TORCH = "https://docs.pytorch.org/docs/stable/"


def recipe_reference(registry: Registry) -> str:
    """The page, in the order in which a recipe is read."""
    schema = recipe_schema(registry)
    known = schema["$defs"]
    return page(
        "# Recipe reference",
        "A recipe is a TOML file with the tables below. Keys that are not named here are errors, and "
        "`gan-recipe check` names the nearest right one. Every `use` names a [component](../components.md), whose "
        "settings stand beside it; a table that states `use` replaces the one that it inherits by `extends`, any other "
        "table is merged into it.",
        "## extends",
        prose(_top(schema, "extends")),
        "## [run]",
        settings_table(settings(RunSettings), ""),
        "## [data]",
        "Named sources, each with its `use`. A field of the batch is written `image`, or `faces.image` where two "
        "sources have it.",
        "## [networks]",
        "Named encoders, decoders and heads. Beside its component's settings each may state:",
        _keys({key: schema for key, schema in _around(known["network"]).items() if key in BESIDE["networks"]}),
        "## [values]",
        'Named expressions of names and calls, such as `"decoder(encoder(image))"`. A name is a field of the batch or '
        "another value; what is called is a network. The same expression is the same tensor, computed once a round.",
        "## [players.NAME]",
        "A player's gradients reach the networks that it trains and no others.",
        _keys(known["player"]["properties"]),
        "### losses.TERM",
        "Beside its component's settings and what the loss reads, a term may state:",
        _keys({key: schema for key, schema in _around(known["loss"]).items() if key in BESIDE["losses"]}),
        "A weight that changes is a table:",
        settings_table(settings(Ramp), ""),
        "### constraints.RULE",
        _keys({"on": _around(known["constraint"])["on"]}),
        "## [schedule]",
        "Which player moves in which round: one [component](../components.md) of the kind *schedule*.",
        "## [sheet]",
        settings_table(settings(SheetSettings), ""),
        "## [metrics]",
        "Named figures over held-out samples. Each may state `baseline`, with which its figure is taken before "
        'anything is learned: `baseline.output = "image"` scores the input in place of the output.',
        "## [doctor]",
        "Beside these, tables `signals.NAME` and `verdicts.NAME`, each with its `use`, add or change what is measured.",
        settings_table(settings(DoctorSettings), ""),
        "## [recovery]",
        "Going back to a healthy checkpoint when the doctor tells of a failure: see the page of treatments.",
        settings_table(settings(RecoverySettings), ""),
        "## [findings]",
        '`silence.NAME = "REASON"` silences a finding that is meant, and says why; `gan-recipe check` names it.',
        "## Optimisers",
        "`optimizer.use` of a player; each takes `lr` too, which must be stated. `timm/NAME` is any optimiser of "
        "timm's, with that one's options.",
        _calls(OPTIMIZERS, "optim", {"lr": LEARNING_RATE}, ("lr",)),
        "## Schedules of the learning rate",
        "`lr_schedule.use` of a player; stepped once a round, whether or not the player moved.",
        _calls(LR_SCHEDULES, "optim.lr_scheduler"),
        "## Initialisers",
        "`init.weight`, `init.norm` and `init.bias` of a network.",
        _calls(INITIALISERS, "nn.init"),
    )


def _around(choice: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that every component of a kind shares."""
    found: dict[str, Any] = choice["anyOf"][0]["properties"]
    return found


def _top(schema: Mapping[str, Any], key: str) -> str:
    told: str = schema["properties"][key]["description"]
    return told


def _keys(properties: Mapping[str, Any]) -> str:
    rows = [(code(key), prose(_told(key, schema))) for key, schema in properties.items()]
    return table(("Key", "What it is"), rows)


_REFERRED = {
    "optimizer": "How the networks move: see Optimisers.",
    "lr_schedule": "How the learning rate changes: see Schedules of the learning rate. Left out: it stays.",
    "init": "Initialisers of `weight` (convolutions, linear layers), `norm` (gains) and `bias`. Left out: torch's own.",
    "weight": "The term's weight, 1 if left out: a number, or a ramp. 0 drops an inherited term.",
}


def _told(key: str, schema: Mapping[str, Any]) -> str:
    return _REFERRED[key] if "$ref" in schema else str(schema.get("description", ""))


def _calls(
    calls: Mapping[str, TorchCall], module: str, also: Mapping[str, Option] | None = None, must: tuple[str, ...] = ()
) -> str:
    rows = []
    for name, call in calls.items():
        options = {**(also or {}), **call.options}
        told = [
            f"{code(option)}: {_option(form)}" + (" (must be stated)" if option in (*must, *call.required) else "")
            for option, form in options.items()
        ]
        rows.append((code(name), _of_torch(name, call, module), "<br>".join(told)))
    return table(("Name", "Is", "Options"), rows)


def _of_torch(name: str, call: TorchCall, module: str) -> str:
    if name.startswith("timm/"):
        return f"timm's {code(call.name)}"
    page = "nn.init.html#torch.nn.init." if module == "nn.init" else f"generated/torch.{module}."
    return f"[{code(call.name)}]({_TORCH}{page}{call.name}{'' if module == 'nn.init' else '.html'})"


def _option(option: Option) -> str:
    bounds = [
        f"{words} {bound:g}"
        for words, bound in (("at least", option.least), ("above", option.above), ("below", option.below))
        if bound is not None
    ]
    return prose(describe_type(option.type) + (f", {' and '.join(bounds)}" if bounds else ""))
