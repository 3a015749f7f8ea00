"""A component that raises: blamed where it was called, so that no traceback has to be guessed from."""

from __future__ import annotations

import traceback
from typing import NoReturn

from gan_recipe.errors import RunError, ToldElsewhereError, UserError


class ComponentError(RunError):
    """A component of the recipe raised ``error``. A run tells more of it by ``failed``."""

    def __init__(self, key: tuple[str, ...], error: Exception, when: str) -> None:
        super().__init__(f"{'.'.join(key)} failed: {first_line(error)}")
        self.key, self.error, self.when = key, error, when


def blame(error: Exception, *key: str, when: str = "") -> NoReturn:
    """Raise ComponentError for what ``key`` of the recipe raised; what is told already, as it is."""
    if isinstance(error, (RunError, UserError, ToldElsewhereError)):
        raise error
    raise ComponentError(key, error, when) from error


def raised(error: BaseException, component: object) -> str:
    """The error's first line; if it is no sentence that the component meant for a person, its type and its place."""
    text = str(error).strip().partition("\n")[0]
    if text and isinstance(error, (ValueError, RuntimeError, OSError)):
        return text
    return f"{first_line(error)}{place_of(error, component)}"


def first_line(error: BaseException) -> str:
    """The error's type, and the first line of what it says."""
    text = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}{text and ': '}{text}"


def place_of(error: BaseException, component: object) -> str:
    """The innermost frame in the component's own package, in brackets; nothing where there is none."""
    package = type(component).__module__.partition(".")[0]
    frames = list(traceback.walk_tb(error.__traceback__))
    own = [each for each in frames if str(each[0].f_globals.get("__name__", "")).partition(".")[0] == package]
    if not own:
        return ""
    frame, line = own[-1]
    return f" ({frame.f_code.co_filename}:{line}, in {frame.f_code.co_name})"
