"""How long a run waits for what is alive and does not come: data, or another of its processes."""

from __future__ import annotations

import os

from gan_recipe.errors import UserError

_SECONDS = 600.0


def patience() -> float:
    """Seconds: ``$GAN_RECIPE_PATIENCE``, or ten minutes. Raises UserError for what is no number of seconds."""
    stated = os.environ.get("GAN_RECIPE_PATIENCE", "")
    try:
        seconds = float(stated) if stated else _SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 1e6:
        raise UserError(f"$GAN_RECIPE_PATIENCE is {stated!r}; expected seconds, from 1 to 1000000, such as 600")
    return seconds
