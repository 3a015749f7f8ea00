"""Which state of its sources a package was run from, where it is run from a checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

_PATIENCE = 5


def code_version(file: str | Path) -> str | None:
    """``012f6a0c9e1d`` of the checkout that tracks ``file``, with ``-dirty`` behind it when tracked files were changed.

    None when git is not there or does not track it: an installed package is told apart by its version, also when its
    environment lies within somebody's checkout.
    """
    path = Path(file).resolve()
    if _git(path.parent, "ls-files", "--error-unmatch", path.name) is None:
        return None
    return _git(path.parent, "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12")


def _git(folder: Path, *words: str) -> str | None:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, timeout=_PATIENCE)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
