"""Where things that can be made again are kept."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$GAN_RECIPE_CACHE``, else ``$XDG_CACHE_HOME/gan-recipe``, else ``~/.cache/gan-recipe``; made when missing."""
    if stated := os.environ.get("GAN_RECIPE_CACHE"):
        folder = Path(stated)
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gan-recipe"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
