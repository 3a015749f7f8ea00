"""The public API, signature by signature: a change is seen, and is made on purpose.

``python tests/test_public_api.py`` writes the file anew. What goes or changes its meaning raises ``API_VERSION``.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

import gan_recipe
import gan_recipe.hooks
import gan_recipe.testing

FILE = Path(__file__).parent / "public_api.txt"


def described() -> str:
    """Every public name with what it takes and gives."""
    lines = []
    for module in (gan_recipe, gan_recipe.testing):
        for name in sorted(module.__all__):
            lines += _one(f"{module.__name__}.{name}", getattr(module, name))
    for name, hook in vars(gan_recipe.hooks.Hooks).items():
        if name.startswith("gan_recipe_"):
            lines.append(f"hook {name}{inspect.signature(hook)}")
    return "\n".join(lines) + "\n"


def _one(name: str, found: Any) -> Iterator[str]:
    if not inspect.isclass(found):
        yield (
            f"{name}{inspect.signature(found)}"
            if callable(found) and inspect.isfunction(found)
            else f"{name} = {_value(found)}"
        )
        return
    bases = ", ".join(base.__name__ for base in found.__bases__ if base is not object)
    yield f"class {name}({bases})"
    if attrs.has(found):
        for field in attrs.fields(found):
            default = "" if field.default is attrs.NOTHING else f" = {_value(field.default)}"
            yield f"    {field.name}: {field.type}{default}"
    for member, value in sorted(vars(found).items()):
        if member.startswith("_") and member not in ("__call__", "__len__"):
            continue
        if inspect.isfunction(value):
            yield f"    {member}{inspect.signature(value)}"
        elif isinstance(value, property):
            yield f"    {member} (property)"


def _value(value: Any) -> str:
    return repr(value) if isinstance(value, (int, float, str, tuple, type(None))) else type(value).__name__


def test_the_public_api_is_what_is_committed() -> None:
    """A difference is a change of the API: write the file anew, and a line of CHANGELOG.md with it."""
    assert described() == FILE.read_text()


def test_the_public_api_is_documented_and_typed() -> None:
    """Each name says what it is for, each function what it takes and gives, and type checkers are told to look."""
    for name in gan_recipe.__all__:
        found = getattr(gan_recipe, name)
        if inspect.isclass(found) or inspect.isfunction(found):
            assert len(inspect.getdoc(found) or "") > 10, name
        if inspect.isfunction(found):
            stated = inspect.signature(found)
            assert stated.return_annotation is not inspect.Signature.empty
            assert all(each.annotation is not inspect.Parameter.empty for each in stated.parameters.values())
    assert (Path(gan_recipe.__file__).parent / "py.typed").is_file()
    assert list(gan_recipe.__all__) == sorted(gan_recipe.__all__)


def test_a_public_name_names_one_thing() -> None:
    """No class of the core takes the name of another that plugins know."""
    homes = {
        name: getattr(module, name).__module__
        for module in (gan_recipe, gan_recipe.testing)
        for name in module.__all__
        if inspect.isclass(getattr(module, name))
    }
    for path in Path(gan_recipe.__file__).parent.rglob("*.py"):
        module = ".".join(["gan_recipe", *path.relative_to(Path(gan_recipe.__file__).parent).with_suffix("").parts])
        for name in re.findall(r"^class (\w+)", path.read_text(), re.MULTILINE):
            assert homes.get(name, module) == module, f"{module}.{name}"


if __name__ == "__main__":
    FILE.write_text(described())
    sys.stdout.write(f"wrote {FILE}\n")
