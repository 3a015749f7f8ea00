"""Image files to squares of bytes."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

# Stated, so that a file that only calls itself .png never reaches one of Pillow's riskier decoders.
_FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
_ORIENTATION = 0x0112
_CHUNK = 64


@frozen
class Form:
    """What every image is made into: the centred square, resized."""

    #: 3 for RGB, 1 for grey.
    channels: int
    #: Side of the result in px.
    side: int
    #: Which share of the shorter side the square spans.
    share: float
    #: Larger images are not decoded.
    max_pixels: int


def decoded(paths: Sequence[Path], form: Form) -> Iterator[NDArray[np.uint8] | str]:
    """Each image as uint8 (channels, side, side), or the reason why it is none; threads decode ahead, a chunk at most.

    Pillow decodes and resizes without the interpreter's lock.
    """
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(paths), _CHUNK):
            yield from pool.map(lambda path: decode(path, form), paths[start : start + _CHUNK])


def decode(path: Path, form: Form) -> NDArray[np.uint8] | str:
    """One image as uint8 (channels, side, side), or the reason why it is none."""
    try:
        with Image.open(path, formats=_FORMATS) as image:
            pixels = image.width * image.height
            if pixels > form.max_pixels:
                return f"{image.width} x {image.height} pixels are more than max_pixels = {form.max_pixels}"
            # A JPEG can be decoded at a half, a quarter or an eighth; twice the final size is kept for quality.
            enough = math.ceil(2 * form.side / form.share)
            image.draft(None, (enough, enough))
            image.load()
            return _square(_upright(image), form)
    except Exception as error:  # Pillow's decoders raise a zoo of errors on broken files
        if isinstance(error, UnidentifiedImageError):
            return "no PNG, JPEG, WebP or BMP image"
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        return str(error) or type(error).__name__


def _upright(image: Image.Image) -> Image.Image:
    """The image as its camera was held."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_270,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_90,
    }.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _square(image: Image.Image, form: Form) -> NDArray[np.uint8]:
    # The square is cut before resizing: resized first, a strip of 1 x 60,000,000 px would fill the memory.
    shorter = min(image.size)
    across = shorter * form.share
    left, top = ((length - shorter) // 2 + (shorter - across) / 2 for length in image.size)
    flat = _flat(image, "L" if form.channels == 1 else "RGB")
    box = (left, top, left + across, top + across)
    array = np.asarray(flat.resize((form.side, form.side), Image.Resampling.BICUBIC, box=box))
    return array[None] if form.channels == 1 else np.ascontiguousarray(array.transpose(2, 0, 1))


def _flat(image: Image.Image, mode: str) -> Image.Image:
    """Without transparency (laid on white), palette or more than 8 bits."""
    if image.mode.startswith("I"):
        # Pillow would clip 16 bits at 255 instead of scaling them.
        deep = np.clip(np.asarray(image), 0, 65535).astype(np.uint16)
        image = Image.fromarray((deep >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)
