"""The rendered images of a population, kept in one memory-mapped file and rendered when first asked for.

A person takes about 0.1 s at 64 px, so nothing is rendered ahead: a batch renders whom it lacks, on several cores, and
the next run finds them. Rendering is deterministic, so that two processes that render the same person write the same
bytes; the lock only spares them the double work. A person counts as kept once its checksum is written, after its
pixels: a writer killed half-way leaves a person who is rendered again. Checksums are verified when a process first
touches a person.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gan_recipe import progress
from gan_recipe_plugins._faces.portrait import portrait
from gan_recipe_plugins._faces.room import FLASHES, RENDERER, YAWS

try:
    import fcntl
except ModuleNotFoundError:  # Windows: two runs that start at once may render a person twice, to the same bytes.
    fcntl = None  # type: ignore[assignment]

_log = logging.getLogger(__name__)
_STATE = np.dtype([("kept", "<u4"), ("crc", "<u4")])
#: The byte of the lock file that is held while the files grow; lower bytes stand for one person each.
_GROWTH = 1 << 40


class Store:
    """The people 0 to ``count`` - 1 of one part of a population at one image size."""

    def __init__(self, folder: Path, *, seed: int, part: int, size: int, count: int) -> None:
        """Open the store in ``folder``, making what is missing of it. Raises ``OSError`` where that is impossible.

        ``count`` is no part of the store's name: recipes with more or fewer people share what both need.
        """
        self._seed, self._part, self._size = seed, part, size
        folder.mkdir(parents=True, exist_ok=True)
        name = f"r{RENDERER}-{size}px-seed{seed}-{'held-out' if part else 'training'}"
        self.path = folder / f"{name}.images"
        person = np.dtype(
            [("images", "u1", (len(YAWS), len(FLASHES), 3, size, size)), ("contours", "u1", (len(YAWS), size, size))]
        )
        self._bytes = person.itemsize
        self._lock_file: IO[bytes] = (folder / f"{name}.lock").open("ab")
        state = folder / f"{name}.state"
        with self._claim(_GROWTH):
            # Written through a map, where a full disk would kill the process: its bytes are there beforehand.
            _grow(state, count * _STATE.itemsize, filled=True)
            _grow(self.path, count * person.itemsize)
        self._state: NDArray[Any] = np.memmap(state, _STATE, "r+", shape=(count,))
        # Opened once: who empties the cache takes away the name, and not what this process has of it.
        self._file = self.path.open("r+b", buffering=0)
        people = np.memmap(self.path, person, "r", shape=(count,))
        #: (count, poses, lights, 3, size, size) and (count, poses, size, size); read only after ``need``.
        self.images: NDArray[np.uint8] = people["images"]
        self.contours: NDArray[np.uint8] = people["contours"]
        self._people = people
        self._sound = np.zeros(count, np.bool_)
        self._busy = threading.Lock()

    def need(self, people: NDArray[np.int64]) -> None:
        """Return once all these people are rendered and found sound."""
        if self._sound[people].all():
            return
        with self._busy:
            untouched = np.unique(people[~self._sound[people]]).tolist()
            lacking = [person for person in untouched if not self._verify(person)]
            if not lacking:
                return
            if len(lacking) > 1:
                _log.info("rendering %d people at %d px into %s", len(lacking), self._size, self.path)
            tell = _Counter(len(lacking))
            with ThreadPoolExecutor(min(len(lacking), _threads())) as pool:
                # First those whom nobody else is rendering, then wait for the rest.
                tried = pool.map(lambda person: tell(self._try(person)), lacking)
                left = [person for person, done in zip(lacking, tried, strict=True) if not done]
            for person in left:
                with self._claim(person):
                    if not self._verify(person):
                        self._render(person)
                tell(True)

    def _try(self, person: int) -> bool:
        with self._claim(person, wait=False) as mine:
            if mine and not self._verify(person):
                self._render(person)
            return mine

    def _verify(self, person: int) -> bool:
        """Whether a person is kept and sound."""
        kept, crc = self._state[person].tolist()
        if kept and zlib.crc32(self._people[person].tobytes()) == crc:
            self._sound[person] = True
        elif kept:
            _log.warning("%s: person %d is damaged and will be rendered again", self.path, person)
            self._state[person] = (0, 0)
        return bool(self._sound[person])

    def _render(self, person: int) -> None:
        made = portrait(self._seed, self._part, person, self._size)
        pixels = made.images.tobytes() + made.contours.tobytes()
        try:
            at = person * self._bytes
            left = memoryview(pixels)
            while left:
                written = os.pwrite(self._file.fileno(), left, at)
                left, at = left[written:], at + written
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise OSError(
                error.errno,
                f"no space left for the faces in {self.path} ({self._bytes / 1e6:.1f} MB a person). "
                "Make room, or point GAN_RECIPE_CACHE to a larger disk",
            ) from None
        self._state[person] = (1, zlib.crc32(pixels))
        self._sound[person] = True

    @contextmanager
    def _claim(self, byte: int, *, wait: bool = True) -> Iterator[bool]:
        """Hold one byte of the lock file; the system lets go of it when the process dies, however it dies."""
        if fcntl is None:
            yield True
            return
        try:
            fcntl.lockf(self._lock_file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB), 1, byte)
        except (BlockingIOError, PermissionError):
            yield False
            return
        try:
            yield True
        finally:
            fcntl.lockf(self._lock_file, fcntl.LOCK_UN, 1, byte)


class _Counter:
    """Tells how many are rendered, from several threads."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._lock = total, 0, threading.Lock()

    def __call__(self, done: bool) -> bool:
        with self._lock:
            self._done += done
            progress("rendering people", self._done, self._total)
        return done


def _grow(path: Path, size: int, *, filled: bool = False) -> None:
    """Make a file at least ``size`` bytes long, ``filled`` with zeros; else the system keeps a hole."""
    with path.open("ab") as file:
        if file.tell() < size and filled:
            file.write(bytes(size - file.tell()))
        elif file.tell() < size:
            file.truncate(size)


def _threads() -> int:
    """The cores that this process may use, at most 8: at 256 px each thread holds a few hundred megabytes."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(8, cores)
