"""What checking a text finds, for the tests of checking."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gan_recipe.components.registry import Registry
from gan_recipe.errors import Problem, RecipeError
from gan_recipe.runs.check_recipe import check

Problems = Callable[..., list[Problem]]


@pytest.fixture
def problems(write: Callable[..., str], registry: Registry) -> Problems:
    """The problems that checking a text finds, none when it is sound."""

    def problems(text: str | bytes, *overrides: str) -> list[Problem]:
        name = write(text)
        try:
            check(name, overrides, registry)
        except RecipeError as error:
            return list(error.problems)
        return []

    return problems


def line_of(text: str, fragment: str) -> int:
    return text[: text.index(fragment)].count("\n") + 1 if fragment else 0
