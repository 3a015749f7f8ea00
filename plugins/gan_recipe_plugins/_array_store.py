"""An array that is made once, kept as a file, and memory-mapped by every run that needs it."""

from __future__ import annotations

import fcntl
import hashlib
import json
import math
import os
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from gan_recipe import progress

# Seconds between two looks at what another process is making.
_LOOK_EVERY = 0.1

Append = Callable[[NDArray[np.uint8]], None]


@frozen
class StoredArray:
    """Rows of bytes and what their maker noted."""

    #: uint8, (rows, *shape of a row), memory-mapped and read-only.
    rows: NDArray[np.uint8]
    #: Of the rows' bytes, verified when the file was opened.
    sha256: str
    #: What ``make`` returned: plain JSON.
    notes: Mapping[str, Any]


def stored_array(path: Path, shape: tuple[int, ...], make: Callable[[Append], Mapping[str, Any]]) -> StoredArray:
    """The array at ``path``, made first when there is none or its bytes do not match their checksum.

    ``make(append)`` appends rows of ``shape`` and returns notes. Two runs that start at once agree through a lock: one
    makes, the other waits. A maker that dies leaves a ``.part`` that nobody reads. Raises ValueError when the folder
    cannot be written (an OSError out of ``make`` is taken for that) or no row was appended.
    """
    if found := _read(path, shape):
        return found
    try:
        with _locked(path.with_suffix(".lock")):
            if found := _read(path, shape):
                return found
            if path.exists():
                warnings.warn(f"{path} does not match its checksum and is made again", stacklevel=3)
            _write(path, shape, make)
    except OSError as error:
        cure = "free or make writable that folder, or set GAN_RECIPE_CACHE to another one"
        raise ValueError(f"{path.parent} cannot be written: {error.strerror or error}; {cure}") from error
    if found := _read(path, shape):
        return found
    raise ValueError(f"{path} does not hold what was just written to it; set GAN_RECIPE_CACHE to another folder")


def _read(path: Path, shape: tuple[int, ...]) -> StoredArray | None:
    try:
        stated = json.loads(path.with_suffix(".json").read_bytes())
        count, sha256, notes = stated["rows"], stated["sha256"], stated["notes"]
        if count * math.prod(shape) != path.stat().st_size:
            return None
        rows = np.asarray(np.memmap(path, np.uint8, "r", shape=(count, *shape)))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # absent, half deleted or not ours: made again
    if hashlib.sha256(rows.data).hexdigest() != sha256:
        return None
    return StoredArray(rows, sha256, notes)


def _write(path: Path, shape: tuple[int, ...], make: Callable[[Append], Mapping[str, Any]]) -> None:
    # Nothing is flushed to the disk on purpose: the checksum finds what a power cut spoils. The rows go through
    # write() and not through the map, where a full disk would kill the process instead of raising.
    part, statement = path.with_suffix(".part"), path.with_suffix(".json")
    _sweep(path.parent)
    statement.unlink(missing_ok=True)
    digest = hashlib.sha256()
    count = 0
    try:
        with part.open("wb") as file:

            def append(row: NDArray[np.uint8]) -> None:
                nonlocal count
                if row.shape != shape or row.dtype != np.uint8:
                    raise TypeError(f"a row is {row.dtype} {row.shape}, expected uint8 {shape}")
                content = row.tobytes()
                file.write(content)
                digest.update(content)
                count += 1

            notes = make(append)
        if not count:
            raise ValueError(f"nothing was appended to {path}")
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    part.write_text(json.dumps({"rows": count, "sha256": digest.hexdigest(), "notes": notes}))
    part.replace(statement)


def _sweep(folder: Path) -> None:
    """Remove what makers left that died: nobody holds their locks."""
    for name in os.listdir(folder):
        part = folder / name
        if part.suffix != ".part":
            continue
        with suppress(OSError), part.with_suffix(".lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises where somebody is making it
            part.unlink()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel lets go when the process ends
                break
            except BlockingIOError:
                with suppress(OSError):  # what grows is alive, whoever makes it
                    progress("another run makes it, bytes", path.with_suffix(".part").stat().st_size)
                time.sleep(_LOOK_EVERY)
        yield
