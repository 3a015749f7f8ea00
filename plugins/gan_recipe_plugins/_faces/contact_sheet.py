"""Many faces in one picture, to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from gan_recipe_plugins._faces.portrait import Bytes, portrait
from gan_recipe_plugins._faces.room import FRONTAL, STANDARD


def contact_sheet(
    people: Iterable[int],
    views: Sequence[tuple[int, int]] = ((FRONTAL, STANDARD),),
    *,
    columns: int = 1,
    size: int = 64,
    seed: int = 0,
    held_out: bool = False,
) -> Bytes:
    """A picture (height, width, 3), uint8: for each person the (pose, light) ``views`` side by side.

    ``columns`` people stand beside each other; an unfinished last row is filled with black. Renders afresh, without
    any store.
    """
    strips = []
    for person in people:
        images = portrait(seed, int(held_out), person, size).images
        strips.append(np.concatenate([images[pose, light] for pose, light in views], 2))
    if not strips:
        raise ValueError("people is empty: expected at least one number.")
    strips += [np.zeros_like(strips[0])] * (-len(strips) % columns)
    rows = [np.concatenate(strips[i : i + columns], 2) for i in range(0, len(strips), columns)]
    return np.concatenate(rows, 1).transpose(1, 2, 0)
