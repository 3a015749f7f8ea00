"""A run's sheets as pictures within a page: few, small, and none that is not what it says it is."""

from __future__ import annotations

import base64
import io
import re
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import frozen

from gan_recipe.runs.run_folder import RunFolder

if TYPE_CHECKING:
    from PIL.Image import Image

#: Sheets of one run that a page shows, evenly through time.
MOST_SHEETS = 24
_SHEET = re.compile(r"round-([0-9]{1,12})\.png")
_MOST_PIXELS = 16_000_000
_LONGEST_SIDE = 1_600
_MOST_BYTES = 160_000
_THUMBNAIL = (240, 160)


@frozen
class Picture:
    """A sheet as it was before ``round``."""

    round: int
    #: ``data:image/webp;base64,...``
    uri: str
    width: int
    height: int


def sheets(run: RunFolder, most: int = MOST_SHEETS) -> list[Picture]:
    """At most ``most`` sheets, the first and the last among them. Files that are no pictures are passed over."""
    paths = sheet_paths(run)
    if len(paths) > most:
        paths = [paths[index * (len(paths) - 1) // (most - 1)] for index in range(most)]
    return [picture for round, path in paths if (picture := _picture(round, path))]


def sheet_paths(run: RunFolder) -> list[tuple[int, Path]]:
    """Every sheet with its round, in order."""
    files = run.sheets.iterdir() if run.sheets.is_dir() else ()
    named = [(match, path) for path in files if (match := _SHEET.fullmatch(path.name))]
    # A folder may come from a stranger: a link in it could name any picture of this machine.
    return sorted((int(match[1]), path) for match, path in named if path.is_file() and not path.is_symlink())


def thumbnail(run: RunFolder) -> str | None:
    """The top of the newest sheet as a small picture's data URI; None where there is no sheet."""
    for _, path in reversed(sheet_paths(run)[-3:]):
        image = _opened(path)
        if image is not None:
            width, height = _THUMBNAIL
            rows = min(image.height, image.width * height // width)
            small = image.crop((0, 0, image.width, max(rows, 1)))
            small.thumbnail((width, height))
            return _uri(_encoded(small, 70))
    return None


def _picture(round: int, path: Path) -> Picture | None:
    image = _opened(path)
    if image is None:
        return None
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    data = _encoded(image, 80)
    while len(data) > _MOST_BYTES and max(image.size) > 64:
        image.thumbnail((max(1, image.width * 3 // 4), max(1, image.height * 3 // 4)))
        data = _encoded(image, 60)
    return Picture(round, _uri(data), *image.size)


def _opened(path: Path) -> Image | None:
    """The picture, decoded; None for what is none, or would be too large in memory."""
    from PIL import Image

    try:
        with Image.open(path, formats=("PNG",)) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            return image.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _encoded(image: Image, quality: int) -> bytes:
    file = io.BytesIO()
    # The quickest method: files are a tenth larger than those of the default, and take a seventh of the time.
    image.save(file, "WEBP", quality=quality, method=0)
    return file.getvalue()


def _uri(data: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(data).decode('ascii')}"
