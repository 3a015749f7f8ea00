"""Sample sheets: rows of held-out samples, a column for each value, as one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

_GAP = 4
_HEADER = 22
_SMALLEST = 112  # px; smaller images are enlarged by whole factors so that a person can see them
_INK = (38, 38, 44)
_PAPER = (250, 250, 248)


def draw_sheet(columns: Sequence[tuple[str, Tensor]]) -> Image.Image:
    """A sheet of named columns: images (N, C, H, W) in [-1, 1], or points (N, 2), drawn as one scatter plot each.

    Raises ValueError for a column that is neither.
    """
    tiles = [_tiles(name, values) for name, values in columns]
    rows = max(len(column) for column in tiles)
    heights = [max(column[row].height for column in tiles if row < len(column)) for row in range(rows)]
    widths = [
        max(max(tile.width for tile in column), _text_width(name))
        for (name, _), column in zip(columns, tiles, strict=True)
    ]
    sheet = Image.new(
        "RGB", (sum(widths) + _GAP * (len(widths) + 1), sum(heights) + _GAP * (rows + 1) + _HEADER), _PAPER
    )
    pen = ImageDraw.Draw(sheet)
    left = _GAP
    for (name, _), column, width in zip(columns, tiles, widths, strict=True):
        pen.text((left + width // 2, _HEADER // 2 + 2), name, fill=_INK, anchor="mm", font=_font())
        top = _HEADER + _GAP
        for tile, height in zip(column, heights, strict=False):
            sheet.paste(tile, (left, top))
            top += height + _GAP
        left += width + _GAP
    return sheet


def write_sheet(path: Path, columns: Sequence[tuple[str, Tensor]]) -> None:
    """Write ``draw_sheet`` to a PNG."""
    path.parent.mkdir(exist_ok=True)
    draw_sheet(columns).save(path, optimize=True)


def sheet_size(columns: Sequence[tuple[str, Tensor]]) -> int:
    """How many bytes ``write_sheet`` would write."""
    file = BytesIO()
    draw_sheet(columns).save(file, "PNG", optimize=True)
    return file.tell()


def _tiles(name: str, values: Tensor) -> list[Image.Image]:
    if values.dim() == 2 and values.shape[1] == 2:
        return [_scatter(values.float().numpy())]
    if values.dim() != 4 or values.shape[1] not in (1, 3):
        raise ValueError(
            f"the sheet's column {name!r} has shape {tuple(values.shape)}; "
            "images (N, 1 or 3, H, W) and points (N, 2) can be drawn"
        )
    pixels = ((values.float().clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    factor = max(1, -(-_SMALLEST // max(pixels.shape[1:3])))
    return [_enlarged(image, factor) for image in pixels]


def _enlarged(pixels: np.ndarray, factor: int) -> Image.Image:
    image = Image.fromarray(pixels.squeeze(-1) if pixels.shape[-1] == 1 else pixels).convert("RGB")
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def _scatter(points: np.ndarray, size: int = 320) -> Image.Image:
    image = Image.new("RGB", (size, size), (255, 255, 255))
    pen = ImageDraw.Draw(image)
    extent = max(1e-6, float(np.abs(points[np.isfinite(points).all(1)]).max(initial=1.0))) * 1.1
    for x, y in points:
        if np.isfinite(x) and np.isfinite(y):
            column, row = (x / extent + 1) / 2 * size, (1 - y / extent) / 2 * size
            pen.ellipse((column - 1.5, row - 1.5, column + 1.5, row + 1.5), fill=(40, 90, 170))
    return image


def _font() -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(13)


def _text_width(text: str) -> int:
    return int(_font().getlength(text)) + 2
