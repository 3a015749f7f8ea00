"""``-s`` and ``--overlay``, which every command that reads a recipe takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


def changes(command: _F) -> _F:
    """Hands the command ``overrides`` and ``overlays``."""
    over = click.option(
        "-s",
        "overrides",
        metavar="KEY=VALUE",
        multiple=True,
        help="Change a setting, such as -s run.rounds=100; a * is every name that has the setting: "
        "-s 'networks.*.width=0.25'.",
    )
    lay = click.option(
        "--overlay",
        "overlays",
        metavar="FILE",
        multiple=True,
        help="Change the settings that a .toml file states, before -s: a path, or `small`, which makes any entry of "
        "the notebook a run of minutes.",
    )
    return over(lay(command))
