"""What every component promises, whatever its kind."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import typing
from functools import cache
from pathlib import Path
from typing import Any

import attrs

from gan_recipe.components.documentation import reads, settings
from gan_recipe.components.setting_types import is_setting_type, setting_name
from gan_recipe.components.summary import summary
from gan_recipe.interfaces import KINDS, Component, Loss, Metric
from gan_recipe.language.recipe_settings import BESIDE
from gan_recipe.language.structure import Surroundings, structure
from gan_recipe.testing.trial import Failure, Trial

_LONGEST_SUMMARY = 200
# What the recipe itself says in a component's table.
_RESERVED = {
    **dict.fromkeys(("encoder", "decoder", "head"), BESIDE["networks"]),
    "loss": BESIDE["losses"],
    "metric": BESIDE["metrics"],
    "constraint": BESIDE["constraints"],
}
_HEAVY = ("torch", "torchvision", "timm", "numpy", "PIL", "safetensors")


def is_a_frozen_attrs_class(trial: Trial) -> None:
    """A component is a frozen attrs class of one of the kinds, so that a recipe can state and compare its settings."""
    cls = trial.cls
    if not issubclass(cls, Component) or trial.kind not in KINDS:
        raise Failure(
            f"{cls.__name__} is none of {', '.join(KINDS)}", "a subclass of one of them", "derive it from one"
        )
    if "__attrs_attrs__" not in vars(cls) or cls.__setattr__.__name__ != "_frozen_setattrs":
        raise Failure(
            f"{cls.__name__} is no frozen attrs class",
            "settings that never change once they are stated",
            "put @frozen above the class: from attrs import frozen",
        )
    if issubclass(cls, (Loss, Metric)) and "__call__" not in {name for base in cls.__mro__ for name in vars(base)}:
        raise Failure(
            f"{cls.__name__} has no __call__", "what it reads, by name, as parameters of __call__", "write it"
        )


def is_documented(trial: Trial) -> None:
    """The docstring says what it does in a first sentence, and a ``#:`` comment says what each setting means."""
    said = summary(trial.cls)
    if not trial.cls.__doc__ or trial.cls.__doc__.startswith(f"{trial.cls.__name__}("):
        raise Failure(
            f"{trial.cls.__name__} has no docstring",
            "what it computes, its shapes and ranges, what it raises, and the paper it is from",
            'write one; its first sentence is what "gan-recipe list" shows',
        )
    if not said.rstrip("`").endswith(".") or not 10 < len(said) <= _LONGEST_SUMMARY:
        raise Failure(
            f"the first sentence is {said!r}",
            f"a sentence of at most {_LONGEST_SUMMARY} characters that ends with a full stop",
            "begin the docstring with one short sentence that says what the component does",
        )
    silent = [setting.name for setting in settings(trial.cls) if len(setting.doc) <= 5]
    if silent:
        raise Failure(
            f"nothing is said of: {', '.join(silent)}",
            "a comment of the form `#: What it means, its unit and its range.` above every setting",
            'write them; "gan-recipe show" and editors show them',
        )


def settings_can_be_stated_in_a_recipe(trial: Trial) -> None:
    """Every setting is of a type that TOML can hold, under a name that the recipe's own keys leave free."""
    hints = typing.get_type_hints(trial.cls)
    fields: Any = attrs.fields(trial.cls)  # type: ignore[arg-type]
    for each in fields:
        if each.init and not is_setting_type(hints[each.name]):
            raise Failure(
                f"{each.name} is a {hints[each.name]}",
                "bool, int, float, str, Path, Literal, ClassCount, an attrs class, or tuples, dicts and unions of them",
                "choose one of these types; what is computed from settings is a property or is made in build",
            )
    taken = {"use", *_RESERVED.get(trial.kind, ()), *(read.name for read in reads(trial.cls))}
    if clash := taken & {setting_name(each) for each in fields if each.init}:
        raise Failure(
            f"the setting {sorted(clash)[0]!r} has the name of something that the recipe states beside it",
            f"none of {', '.join(sorted(taken))}",
            "give the setting another name",
        )


def defaults_make_a_component(trial: Trial) -> None:
    """The settings' defaults (or those that the trial states) are accepted by the component itself."""
    trial.made()


def defaults_read_back_from_a_recipe(trial: Trial) -> None:
    """A recipe that states every default as ``show`` prints it makes the same component as one that states none."""
    shown = {each.name: each.default for each in settings(trial.cls) if each.default not in (None, "left out")}
    if any(each.default is None for each in settings(trial.cls)):
        return  # what must be stated has no default to compare with
    problems: list[str] = []
    around = Surroundings(lambda key, what: problems.append(f"{'.'.join(key)}: {what}"), lambda key: Path())
    table = tomllib.loads("\n".join(f'"{name}" = {value}' for name, value in shown.items()))
    stated, silent = structure(trial.cls, table, (), around), structure(trial.cls, {}, (), around)
    if problems or stated != silent:
        raise Failure(
            problems[0] if problems else f"{stated} in place of {silent}",
            "the same component",
            "give each setting a default of the very type that it is annotated with",
        )


def importing_it_is_cheap(trial: Trial) -> None:
    """Importing the component's module imports no torch: ``list``, ``check`` and editors import all of them."""
    if trial.cls.__module__ != "__main__" and (heavy := _imports(trial.cls.__module__)):
        raise Failure(
            f"importing {trial.cls.__module__} imports {heavy}",
            f"none of {', '.join(_HEAVY)}",
            "import them inside build, __call__ or the method that needs them; keep nn.Module classes in a module of "
            "their own, which build imports",
        )


@cache
def _imports(module: str) -> str:
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import gan_recipe; before = set(sys.modules); import {module}; "
        f"print(', '.join(sorted(set({_HEAVY!r}) & (set(sys.modules) - before))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if done.returncode:
        raise Failure(
            f"importing {module} alone fails: {done.stderr.strip().splitlines()[-1]}",
            "a module that can be imported by itself",
            "see what it needs from whoever imports it today",
        )
    return done.stdout.strip()
