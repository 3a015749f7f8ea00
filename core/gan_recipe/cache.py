"""Where things that can be made again are kept."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

#: The end of a lock's name; it stays when the cache is emptied, for somebody may wait for it.
LOCK = ".lock"


def cache_folder() -> Path:
    """``$GAN_RECIPE_CACHE``, else ``$XDG_CACHE_HOME/gan-recipe``, else ``~/.cache/gan-recipe``; made when missing.

    Raises OSError, whose text says so and names the cure, when it cannot be made.
    """
    if stated := os.environ.get("GAN_RECIPE_CACHE"):
        folder = Path(stated)
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan-recipe"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        cure = "set GAN_RECIPE_CACHE to a folder that can"
        raise type(error)(f"the cache folder {folder} cannot be made: {error.strerror}; {cure}") from error
    return folder


def cached() -> dict[str, int]:
    """The bytes on the disk of each of the cache's folders, by name. Raises OSError."""
    folders = sorted(path for path in cache_folder().iterdir() if path.is_dir() and not path.is_symlink())
    return {path.name: sum(_bytes(file) for file in _files(path)) for path in folders}


def empty_cache(names: list[str]) -> int:
    """Remove the files of these folders of the cache but those that somebody is making; how many bytes that was.

    Who has a file open keeps it until it is closed. Raises OSError.
    """
    gone = 0
    for name in names:
        for file in _files(cache_folder() / name):
            if file.suffix != LOCK and not _is_held(file.with_suffix(LOCK)):
                gone += _bytes(file)
                file.unlink(missing_ok=True)
    return gone


def _files(folder: Path) -> Iterator[Path]:
    for here, _, names in os.walk(folder):  # which enters no links
        yield from (Path(here, name) for name in names)


def _bytes(path: Path) -> int:
    try:
        # Of a file with holes, only what it takes.
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


def _is_held(lock: Path) -> bool:
    import fcntl  # which Windows lacks, where plugins may still ask for the folder

    with suppress(OSError), lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
