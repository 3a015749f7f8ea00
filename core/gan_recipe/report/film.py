"""The sheets of one run or several, as the page's slider shows them."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from gan_recipe.errors import UserError
from gan_recipe.report.pictures import Picture, sheets
from gan_recipe.runs.run_folder import RunFolder

_LONGEST = 300


@frozen
class Film:
    """One run's sheets through time."""

    name: str
    #: The id of the page's image.
    image: str
    #: What the sheet's columns show, as the recipe states them.
    columns: str
    pictures: list[Picture]

    @property
    def last(self) -> Picture:
        return self.pictures[-1]

    @property
    def told(self) -> dict[str, Any]:
        """For the page's script."""
        pictures = [{"round": each.round, "uri": each.uri} for each in self.pictures]
        return {"name": self.name, "image": self.image, "columns": self.columns, "sheets": pictures}


def films(runs: list[RunFolder], most: int) -> list[Film]:
    """Of each run that has sheets, at most ``most`` of them."""
    shown = [(run, sheets(run, most)) for run in runs]
    return [
        Film(run.name, f"sheet-{number}", _columns(run), pictures)
        for number, (run, pictures) in enumerate(shown)
        if pictures
    ]


def _columns(run: RunFolder) -> str:
    from gan_recipe.language.recipe_file import load

    try:
        stated = load(str(run.recipe)).tables.get("sheet", {}).get("columns", [])
    except (UserError, AttributeError):
        return ""
    return ", ".join(map(str, stated))[:_LONGEST] if isinstance(stated, list) else ""
