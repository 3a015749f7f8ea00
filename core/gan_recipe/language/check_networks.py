"""The table ``[networks]``: what each is, what it starts from, and how it is initialised."""

from __future__ import annotations

from typing import Any

from gan_recipe.components.toml_value import shortened
from gan_recipe.errors import did_you_mean
from gan_recipe.interfaces import Network
from gan_recipe.language.optimizers import INIT_PARTS, INITIALISERS
from gan_recipe.language.recipe import Named, NetworkSpec
from gan_recipe.language.recipe_settings import BESIDE
from gan_recipe.language.start import WeightsFile, weights_file
from gan_recipe.language.tables import Tables
from gan_recipe.language.toml_file import Key


def read_networks(tables: Tables) -> dict[str, NetworkSpec]:
    """The sound networks."""
    found = {}
    for name, table in tables.entries(("networks",)).items():
        key = ("networks", name)
        component = tables.component(table, key, Network, BESIDE["networks"])
        start, file = _start(tables, table.get("start"), name, (*key, "start"))
        init = _init(tables, (*key, "init"))
        concat = table.get("concat", False)
        if not isinstance(concat, bool):
            tables.report((*key, "concat"), f"expected true or false, not {shortened(concat)}")
        if component is not None and tables.is_sound(key):
            found[name] = NetworkSpec(name, table["use"], component, start, init, key, file, concat)
    return found


def _start(tables: Tables, stated: Any, name: str, key: Key) -> tuple[str | None, WeightsFile | None]:
    """The run that a network starts from, or the file; neither for fresh weights and where starts are not asked for."""
    if stated is not None and (not isinstance(stated, str) or not stated):
        tables.report(key, f"expected RUN, RUN@ROUND, RUN@ROUND:NETWORK or a file, not {shortened(stated)}")
        return None, None
    if stated is None or tables.starts is None:
        return None, None
    file = weights_file(stated, tables.file.origin(key).folder)
    try:
        if file is None:
            tables.starts(tables.wanted(stated, name, key))
            return stated, None
        tables.paths.append(key)
        file.check()
    except ValueError as error:
        tables.report(key, str(error))
    return None, file


def _init(tables: Tables, key: Key) -> dict[str, Named]:
    found = {}
    for part, stated in tables.table(key).items():
        if part not in INIT_PARTS:
            tables.report((*key, part), f"there is no such key.{did_you_mean(part, INIT_PARTS)}")
        elif named := tables.torch_call(stated, (*key, part), INITIALISERS):
            if part != "weight" and not INITIALISERS[named.name].vectors:
                cure = ", ".join(name for name, call in INITIALISERS.items() if call.vectors)
                tables.report((*key, part, "use"), f"{named.name!r} is for matrices and kernels. For {part}: {cure}")
            found[part] = named
    return found
