"""What a network's ``start`` may state: another run's weights, ``"siamese@31600"``, or those of a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from attrs import frozen

#: Larger files are not opened.
MAX_BYTES = 8 * 2**30
_SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt")


@frozen
class Wanted:
    """A network's ``start``, as a recipe that is being checked states it."""

    #: ``RUN``, ``RUN@ROUND`` or ``RUN@ROUND:NETWORK``.
    stated: str
    network: str
    #: The ``run.scale`` of the recipe.
    scale: float
    #: How a person calls the recipe.
    recipe: str
    #: Where a recipe that would make the run may lie.
    folders: tuple[Path, ...]

    @property
    def parts(self) -> tuple[str, str | None, str]:
        """The run, the round if one is stated, and the network there."""
        place, _, other = self.stated.partition(":")
        run, at, round = place.partition("@")
        return run, round if at else None, other or self.network


#: Sees to it that a network's weights are there, or will be. Raises ValueError that names the cure.
Starts = Callable[[Wanted], None]


@frozen
class WeightsFile:
    """A file that a recipe names as ``start``: its path and, behind a colon, the table or prefix in it."""

    path: Path
    part: str

    def check(self) -> None:
        """That it is there, a plain file, and not too large. Raises ValueError."""
        if not self.path.is_file():
            raise ValueError(f"there is no file {self.path}")
        size = self.path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"{self.path} has {size:,} bytes; up to {MAX_BYTES:,} are read")


def weights_file(stated: str, folder: Path) -> WeightsFile | None:
    """The file that ``start`` names, relative to the recipe's folder; None when it names a run."""
    path, _, part = stated.partition(":")
    if not path.endswith(_SUFFIXES):
        return None
    return WeightsFile(folder / Path(path).expanduser(), part)
