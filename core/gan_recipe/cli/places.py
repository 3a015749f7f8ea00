"""Files and folders as the command line takes them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click


class _Place(click.Path):
    """A path that is not empty: what an unset variable of a script gives would mean the folder that one stands in."""

    def convert(self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("an empty text is no path", param, ctx)
        return super().convert(value, param, ctx)


ANYWHERE = _Place(path_type=Path)
FILE = _Place(dir_okay=False, path_type=Path)
FOLDER = _Place(file_okay=False, path_type=Path)
EXISTING_FOLDER = _Place(exists=True, file_okay=False, path_type=Path)
