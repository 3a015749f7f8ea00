"""What a plugin may import, from the docstrings of ``gan_recipe.__all__`` and the hooks."""

from __future__ import annotations

import inspect
from typing import Any

import gan_recipe
from gan_recipe import testing
from gan_recipe.components.documentation import field_docs
from gan_recipe.hooks import PROJECT, Hooks
from gan_recipe.site.markdown import code, fenced, page, paragraphs, prose, table


def api_reference() -> str:
    """The page: names of ``gan_recipe``, the hooks, and the conformance kit."""
    hooks = {name: member for name, member in vars(Hooks).items() if name.startswith(f"{PROJECT}_")}
    return page(
        "# API reference",
        "All that a plugin may import. It follows semantic versioning; `API_VERSION` counts its incompatible changes. "
        "Everything else is internal, and may change in any release.",
        "## gan_recipe",
        *(_member(name, getattr(gan_recipe, name)) for name in gan_recipe.__all__),
        "## Hooks",
        "Functions of a plugin's module marked with `@hookimpl`. A hook may take fewer arguments than are listed.",
        *(_member(name, hook) for name, hook in hooks.items()),
        "## gan_recipe.testing",
        *(_member(name, getattr(testing, name)) for name in testing.__all__),
    )


def _member(name: str, member: Any) -> str:
    if inspect.isclass(member):
        return page(f"### {name}", _docstring(member), _fields(member), _methods(member)).rstrip()
    if inspect.isfunction(member) or inspect.ismethod(member):
        return page(f"### {name}", fenced(_signature(name, member), "python"), _docstring(member)).rstrip()
    return page(f"### {name}", f"{code(repr(member))}" if isinstance(member, (int, str)) else "").rstrip()


def _docstring(member: Any) -> str:
    return paragraphs(inspect.getdoc(member) or "")


def _fields(cls: type[Any]) -> str:
    docs = field_docs(cls)
    return table(("Field", "What it is"), [(code(name), prose(doc)) for name, doc in docs.items()]) if docs else ""


def _methods(cls: type[Any]) -> str:
    told = []
    for name, member in vars(cls).items():
        if name.startswith("_"):
            continue
        member = inspect.unwrap(getattr(member, "__func__", member))
        if isinstance(member, property):
            told.append(f"- {code(name)}: {prose(_first(member))}" if _first(member) else f"- {code(name)}")
        elif inspect.isfunction(member):
            words = f": {prose(_first(member))}" if _first(member) else ""
            told.append(f"- {code(_signature(name, member))}{words}")
    return "\n".join(told)


def _first(member: Any) -> str:
    return (inspect.getdoc(member) or "").partition("\n\n")[0]


def _signature(name: str, member: Any) -> str:
    signature = inspect.signature(member)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    return name + str(signature.replace(parameters=parameters)).replace("'", "")
