"""The image files of a folder, in an order that no file system decides."""

from __future__ import annotations

import os
from pathlib import Path

from gan_recipe_plugins._image_folder.nearest import nearest

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")


def image_names(folder: Path) -> list[str]:
    """Paths below ``folder``, with ``/`` and sorted by code points; hidden files and folders are skipped.

    A link to a file is read wherever it leads, since a folder of links is a usual way to choose a subset; one that
    leads nowhere is listed, and later counted as unreadable. A link to a folder is not entered, so that no loop can
    form. Pipes and devices are skipped. Raises ValueError when the folder is missing, no folder, or holds no image.
    """
    if not folder.is_dir():
        raise ValueError(_missing(folder))
    names = []
    pending = [""]
    while pending:
        below = pending.pop()
        try:
            entries = list(os.scandir(folder / below))
        except OSError as error:
            cure = "make it readable, or name another folder"
            raise ValueError(f"folder: {str(folder / below)!r} cannot be listed ({error.strerror}); {cure}") from error
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                pending.append(f"{below}{entry.name}/")
            elif entry.name.lower().endswith(SUFFIXES) and (entry.is_file() or _dangles(entry)):
                names.append(below + entry.name)
    if not names:
        kinds = ", ".join(suffix[1:] for suffix in SUFFIXES)
        raise ValueError(
            f"folder: {str(folder)!r} holds no images ({kinds}), nor do its subfolders; "
            "put the photographs there, or name the folder that holds them"
        )
    return sorted(names)


def state(path: Path) -> tuple[int, int]:
    """A file's size in bytes and time of change in ns, both -1 when it cannot be read (now: it may be later)."""
    try:
        found = path.stat()
    except OSError:
        return -1, -1
    return (found.st_size, found.st_mtime_ns) if os.access(path, os.R_OK) else (-1, -1)


def _dangles(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() and not os.path.exists(entry.path)


def _missing(folder: Path) -> str:
    if folder.exists():
        return f"folder: {str(folder)!r} is a file; name the folder that holds the images"
    parent = folder.parent
    beside = [entry.name for entry in os.scandir(parent) if entry.is_dir()] if parent.is_dir() else []
    hint = f" {nearest(folder.name, beside)}" if beside else ""
    return (
        f"folder: there is no folder {str(folder)!r}; create it, or name the one that holds the images "
        f"(a relative path starts at the recipe).{hint}"
    )
