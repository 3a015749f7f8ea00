"""The sha256 of every image, as ``sha256sum`` writes it: a damaged JPEG mostly decodes, to another picture."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gan_recipe import progress
from gan_recipe_plugins._image_folder.listing import SUFFIXES
from gan_recipe_plugins._image_folder.nearest import quoted

# "\" before a sum says that the name's newlines and backslashes are escaped; "*" that the file was read as binary.
_LINE = re.compile(r"(\\?)([0-9a-fA-F]{64}) [ *](.+)")
_ESCAPES = {r"\n": "\n", r"\r": "\r", r"\\": "\\"}
_NAMED = 5


def stated_sums(path: Path) -> dict[str, str]:
    """The sum of each image by its name below the folder. Raises ValueError for a file without such lines."""
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        how = "(cd FOLDER && find . -type f -exec sha256sum {} +) > FILE"
        raise ValueError(f"sums: {str(path)!r} cannot be read ({error.strerror}); write it by `{how}`") from error
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None:
            what = "expected 64 hexadecimal digits, two spaces and a name"
            raise ValueError(f"sums: line {number} of {str(path)!r} is not as sha256sum writes it: {what}")
        escaped, sum, name = match.groups()
        if escaped:
            name = re.sub(r"\\[nr\\]", lambda each: _ESCAPES[each[0]], name)
        if name.lower().endswith(SUFFIXES):
            found[name.removeprefix("./")] = sum.lower()
    return found


def see_that_they_match(folder: Path, names: Sequence[str], there: Collection[str], sums: Mapping[str, str]) -> None:
    """Raises ValueError that names the images ``names`` which are not what ``sums`` say, and those that are missing.

    ``there`` are all images of the folder, also those that nobody reads.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = {}
        for name, digest in zip(names, pool.map(lambda name: _sum(folder / name), names), strict=True):
            found[name] = digest
            progress("comparing checksums", len(found), len(names))
    faults = {
        "changed": [name for name in names if name in sums and found[name] != sums[name]],
        "not listed": [name for name in names if name not in sums],
        "missing": sorted(sums.keys() - set(there)),
    }
    told = [f"{len(which)} {what}: {quoted(which[:_NAMED])}" for what, which in faults.items() if which]
    if told:
        cure = "restore them, or write the sums anew if that was meant"
        raise ValueError(f"sums: of {len(names)} images in {str(folder)!r} {'; '.join(told)}. Please {cure}")


def _sum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return str(error.strerror)
