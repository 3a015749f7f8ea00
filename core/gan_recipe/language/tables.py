"""The tables of a recipe read key by key: whatever is wrong is reported at its line, and the reading goes on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from attrs import define, field

from gan_recipe.components.registry import LookupProblem, Registry
from gan_recipe.components.toml_value import as_key, shortened
from gan_recipe.errors import Problem, RecipeError, article, did_you_mean, nearest
from gan_recipe.interfaces import Component, Network
from gan_recipe.language.expression import Expression, ExpressionError, parse
from gan_recipe.language.optimizers import OPTIMIZERS, TIMM, Option, TorchCall
from gan_recipe.language.recipe import Named
from gan_recipe.language.recipe_file import RecipeFile, shipped_folder
from gan_recipe.language.start import Starts, Wanted
from gan_recipe.language.structure import Surroundings, read_table, structure
from gan_recipe.language.toml_file import Key

NAME_RULE = "expected letters, digits and '_', starting with a letter, and not 'use'"
#: A search for problems that finds so many ends.
MAX_PROBLEMS = 100
_C = TypeVar("_C", bound=Component)


@define
class Tables:
    """A recipe's tables and the problems found in them so far."""

    file: RecipeFile
    registry: Registry
    problems: list[Problem] = field(factory=list)
    #: The classes of every field of the batch, as ``source.field``; None for what is no label.
    classes: dict[str, int | None] = field(factory=dict)
    #: Sources of data that are too wrong to tell their fields.
    unknown_sources: set[str] = field(factory=set)
    #: What is asked for the weights of every network that states a start; None where they come from elsewhere.
    starts: Starts | None = field(kw_only=True)
    #: Where paths are stated.
    paths: list[Key] = field(factory=list)
    #: The tables as they are read: those at the top that are misspelt have their right names, too.
    _view: dict[str, Any] = field(factory=dict, init=False)
    _misspelt: dict[str, str] = field(factory=dict, init=False)
    _broken: set[Key] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._view = dict(self.file.tables)

    # ------------------------------------------------------------------------------------------------ problems

    def report(self, key: Key, what: str) -> None:
        """Something is wrong at ``key``. Raises RecipeError when that makes too many: nobody reads them all."""
        written = self._written(key)
        problem = Problem(self.file.origin(written).where, ".".join(map(as_key, written)), what)
        if problem not in self.problems:
            self.problems.append(problem)
            if len(self.problems) >= MAX_PROBLEMS:
                stopped = f"{MAX_PROBLEMS} problems, and perhaps more: the search stopped here. Correct these first"
                raise RecipeError([*self.problems, Problem(self.file.shown, "", stopped)])
        self._broken.add(key)

    def is_sound(self, key: Key) -> bool:
        """Whether nothing was reported at ``key`` or below it."""
        return not any(broken[: len(key)] == key for broken in self._broken)

    def _written(self, key: Key) -> Key:
        """The key as the recipe has it, when that misspells the table at the top."""
        if key and key[0] in self._misspelt and key[:2] not in self.file.origins:
            other = (self._misspelt[key[0]], *key[1:])
            return other if other[:2] in self.file.origins else key
        return key

    # ------------------------------------------------------------------------------------------------ tables

    def only(self, known: Collection[str]) -> None:
        """Report the tables at the top that are none of ``known``; one that is misspelt is then read all the same."""
        for name, table in self.file.tables.items():
            if name in known:
                continue
            self.report((name,), f"a recipe has no such table.{did_you_mean(name, known)}")
            near = nearest(name, known)
            right = self.file.tables.get(near, {}) if near else None
            if near and near not in self._misspelt and isinstance(table, dict) and isinstance(right, dict):
                self._misspelt[near] = name
                self._view[near] = table | right

    def states(self, key: Key) -> bool:
        """Whether the recipe has something at ``key``."""
        found: Any = self._view
        for name in key:
            if not isinstance(found, dict) or name not in found:
                return False
            found = found[name]
        return True

    def table(self, key: Key) -> dict[str, Any]:
        """The table at ``key``; an empty one when it is missing or, which is reported, no table."""
        found: Any = self._view
        for name in key:
            if not isinstance(found, dict) or name not in found:
                return {}
            found = found[name]
        if not isinstance(found, dict):
            self.report(key, f"expected a table, not {shortened(found)}")
            return {}
        return found

    def required(self, key: Key, example: str) -> dict[str, Any]:
        """The table at ``key``, which must be there and hold something."""
        found = self.table(key)
        if not found and self.is_sound(key):
            self.report(key, f"this table is {'empty' if self.states(key) else 'missing'}; state it, such as {example}")
        return found

    def entries(self, key: Key) -> dict[str, dict[str, Any]]:
        """The named tables in the table at ``key``."""
        found = {}
        for name, entry in self.table(key).items():
            if not is_name(name):
                self.report((*key, name), f"this is no name: {NAME_RULE}")
            elif not isinstance(entry, dict):
                self.report((*key, name), f'expected a table such as {{ use = "..." }}, not {shortened(entry)}')
            else:
                found[name] = entry
        return found

    def names(self, stated: Any, key: Key, known: Collection[str], what: str) -> list[str]:
        """A list of names, each one of ``known`` and none twice."""
        if not isinstance(stated, list) or not stated or not all(isinstance(name, str) for name in stated):
            self.report(key, f"expected a list of names, each a {what}, not {shortened(stated)}")
            return []
        for name in dict.fromkeys(stated):
            if name not in known:
                self.report(key, f"there is no {what} {name!r}.{did_you_mean(name, known)}")
            elif stated.count(name) > 1:
                self.report(key, f"{name!r} is named twice")
        return [name for name in dict.fromkeys(stated) if name in known]

    def wanted(self, start: str, network: str, key: Key) -> Wanted:
        """A network's ``start``, which ``key`` states."""
        shown = Path(self.file.shown)
        is_shipped = shown.resolve().is_relative_to(shipped_folder().resolve())
        folders = (shown.parent, self.file.origin(self._written(key)).folder)
        return Wanted(start, network, self.scale, self.file.name if is_shipped else self.file.shown, folders)

    # ------------------------------------------------------------------------------------------------ what is named

    @property
    def around(self) -> Surroundings:
        """What a setting may refer to."""

        def folder(key: Key) -> Path:
            self.paths.append(key)
            return self.file.origin(self._written(key)).folder

        return Surroundings(self.report, folder, self.classes, self.unknown_sources, self.scale)

    @property
    def scale(self) -> float:
        """``run.scale``; 1 when it is wrong, which is reported where [run] is read."""
        run = self._view.get("run")
        stated = run.get("scale") if isinstance(run, dict) else None
        return float(stated) if isinstance(stated, (int, float)) and 0 < stated <= 1 else 1.0

    def component(self, table: Mapping[str, Any], key: Key, cls: type[_C], reserved: Iterable[str] = ()) -> _C | None:
        """The component that a table uses, with its settings."""
        found = self.component_class(table, key, cls)
        return None if found is None else structure(found, table, key, self.around, reserved=("use", *reserved))

    def component_class(self, table: Mapping[str, Any], key: Key, cls: type[_C]) -> type[_C] | None:
        stated = table.get("use")
        if not isinstance(stated, str):
            if stated is not None:
                self.report((*key, "use"), f"expected the name of a component, not {shortened(stated)}")
            elif not self._report_slip(table, key):
                kind = _kinds(cls)[0]
                self.report(
                    key, f"'use' is missing: the name of {article(kind)} {kind}; `gan-recipe list {kind}` shows them"
                )
            return None
        try:
            return cast("type[_C]", self.registry.component(stated, _kinds(cls)))
        except LookupProblem as problem:
            self.report((*key, "use"), str(problem))
            return None

    def torch_call(
        self, table: Any, key: Key, known: Mapping[str, TorchCall], also: Mapping[str, Option] | None = None
    ) -> Named | None:
        """An optimiser, rate schedule or initialiser by name; ``also`` are options that every one of ``known`` has."""
        if not isinstance(table, dict):
            self.report(key, f'expected a table such as {{ use = "{next(iter(known))}" }}, not {shortened(table)}')
            return None
        name = table.get("use")
        if known is OPTIMIZERS and isinstance(name, str) and name.startswith(TIMM):
            call = TorchCall(name, {option: Option(Any) for option in table if option not in ("use", *(also or ()))})
        elif isinstance(name, str) and name in known:
            call = known[name]
        else:
            hint = did_you_mean(name if isinstance(name, str) else "", known)
            if name is not None:
                self.report((*key, "use"), f"there is no {shortened(name)}.{hint}")
            elif not self._report_slip(table, key):
                self.report(key, f"'use' is missing.{hint}")
            return None
        options = {**call.options, **(also or {})}
        required = [*(also or {}), *call.required]
        forms = {option: form.type for option, form in options.items()}
        stated = read_table(table, forms, required, key, self.around, reserved=("use",))
        for option, value in (stated or {}).items():
            if problem := options[option].problem(value):
                self.report((*key, option), problem)
        return Named(name, stated, key) if stated is not None and self.is_sound(key) else None

    def _report_slip(self, table: Mapping[str, Any], key: Key) -> bool:
        """Report the key that stands where 'use' should; False when there is none."""
        slip = next((name for name in table if nearest(name, ["use"])), None)
        if slip is not None:
            self.report((*key, slip), "there is no such key. Did you mean 'use'?")
        return slip is not None

    def expression(self, stated: Any, key: Key) -> Expression | None:
        """An expression from its text."""
        if not isinstance(stated, str):
            self.report(key, f'expected an expression such as "trunk(image)", not {shortened(stated)}')
            return None
        try:
            return parse(stated)
        except ExpressionError as error:
            self.report(key, str(error))
            return None


def is_name(name: str) -> bool:
    """``use`` is what makes a table replace another's; a value or an entry of that name would."""
    return name.isascii() and name.isidentifier() and not name.startswith("_") and name != "use"


def _kinds(cls: type[Component]) -> tuple[str, ...]:
    return ("encoder", "decoder", "head") if cls is Network else (cls.kind,)
