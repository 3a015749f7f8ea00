"""What a person is told when something is wrong: where, what, and the cure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import frozen

# Comparing names is quadratic in their lengths: what is longer, or comes later, is no candidate for a slip of the hand.
_LONGEST_NAME = 60
_MOST_NAMES = 500


@frozen
class Problem:
    """One thing wrong with a recipe."""

    #: ``file:line``, or ``-s key=value`` for an override.
    where: str
    #: The dotted path of the key; empty when the whole file is meant.
    key: str
    #: What is wrong, what was expected and the cure, in plain sentences.
    what: str

    def __str__(self) -> str:
        return harmless(": ".join(part for part in (self.where, self.key, self.what) if part))


class UserError(Exception):
    """The input was wrong. The command line prints the message without a traceback and exits with 2."""

    exit_code = 2


class BusyError(UserError):
    """Another process writes into the run's folder. The command line exits with 73, sysexits' EX_CANTCREAT."""

    exit_code = 73


class AmbiguousNameError(UserError):
    """A name that is cut short may be any of several."""


class RecipeError(UserError):
    """A recipe has problems; all that were found are in ``problems``."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


class RunError(Exception):
    """The run failed for a reason that is known: the command line prints it and exits with 1."""

    exit_code = 1


class HangError(RunError):
    """Something was waited for that shows no sign of life. A thread of it may hang on, and nobody waits for that."""


class ToldElsewhereError(Exception):
    """Another process of the same run tells what is wrong; this one ends without a word."""

    def __init__(self, exit_code: int) -> None:
        self.exit_code = exit_code
        super().__init__("the first process of the run tells why")


def article(noun: str) -> str:
    """Which one the noun takes."""
    return "an" if noun[0] in "aeiou" else "a"


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence that names the nearest of ``known``, or lists them when nothing is near and they are few."""
    known = sorted(known)
    if near := nearest(name, known):
        return f" Did you mean {near!r}?"
    if 0 < len(known) <= 12:
        return f" Known: {', '.join(known)}."
    return ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``name`` may be a slip of; None when nothing is near."""
    if len(name) > _LONGEST_NAME:
        return None
    import difflib

    candidates = [other for other in known if len(other) <= _LONGEST_NAME][:_MOST_NAMES]
    near = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    return near[0] if near else None


def harmless(text: str) -> str:
    """The text on one line, with escapes for what would steer a terminal or that no encoding can hold."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
