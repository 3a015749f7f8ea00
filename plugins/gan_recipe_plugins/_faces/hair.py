"""Hair: where it grows, how far it stands off, and how it hangs."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from gan_recipe_plugins._faces.genes import Genes
from gan_recipe_plugins._faces.shapes import Array, bell, curve, noise, rise

#: Angles, in degrees from the face, at which the hairline is stated.
_ANGLES = (0, 18, 36, 50, 62, 73, 82, 96, 112, 140, 180)


@frozen
class Hair:
    """Hair on the head's grid, (R, C)."""

    #: How much hair covers a point, 0 to 1.
    cover: Array
    #: The radius of its surface, 0 where it has none.
    r: Array
    #: Strands: about -1 to 1, multiplied into the colour.
    strands: Array


def grow(g: Genes, crown: float, y: Array, phi: Array, bald: Array, open_skull: Array, skin: Array) -> Hair:
    """Hair over a head.

    ``bald`` is the head's radius, ``open_skull`` the skull's without its crown (which ends at height ``crown``), and
    ``skin`` the radius with neck and body. All are (R, C).
    """
    angle = np.abs(phi) * 180 / np.pi
    column = (phi / (2 * np.pi) + 0.5) * 256
    curly = g.hair_style in ("curly", "afro")
    strands = 0.6 * noise(g.lattice, (1 - y) * (9 if curly else 1.3), column * (0.5 if curly else 0.8))
    strands = strands + 0.5 * noise(g.lattice, (1 - y) * (17 if curly else 2.0) + 7, column * (1.0 if curly else 0.33))
    ragged = noise(g.lattice, 3 + 0 * y[:1], column * 0.5) * 0.6 + noise(g.lattice, 9 + 0 * y[:1], column * 0.17)

    low = curve(angle, _ANGLES, _hairline(g))
    swept = g.fringe * 0.06 * np.sin(phi * 2) * np.sign(g.parting) * (angle < 90)
    low = low + swept + ragged * (0.028 if g.fringe or g.hair_style in ("long", "bob", "afro", "curly") else 0.016)
    if g.hair_style == "bald":
        none = np.zeros_like(bald)
        return Hair(cover=none, r=none, strands=strands)
    soft = 0.05 if g.hair_style in ("buzz", "horseshoe") else 0.025
    cover = rise(y - low, -soft / 2, soft)
    if g.hair_style == "horseshoe":
        cover = cover * rise(angle, 48, 66) * rise(y, 0.56, 0.36)

    thick = _thickness(g, y, phi, angle, low, strands)
    # Hair hangs: below the widest part of the head it keeps the distance from the axis instead of following the jaw.
    hung = bald
    if g.hair_style in ("long", "bob"):
        widest = int(np.argmin(np.abs(y[:, 0] - 0.1)))
        hang = np.where(y < 0.1, bald[widest] * (1 + 0.1 * g.hair_volume * rise(y, 0.1, -0.4)), bald)
        if g.hair_style == "long":
            hang = hang * (1 - 0.08 * rise(y, -0.35, -0.8))
        hung = np.where(angle > 58, np.maximum(bald, hang), bald)
    lift = float(np.max(thick[:, np.abs(angle[0]) < 90].mean(1)))
    over = (open_skull + thick) * dome(y, crown + 0.9 * lift)
    hanging = hung > bald + 0.02
    # Hair that hangs free has a sharp edge; hair that grows from the skin below it a soft one.
    cover = np.where(hanging, cover > 0.5, cover)
    outer = np.maximum(np.where(y > 0.22, over, 0), np.where(y > 0.22, 0, hung + thick))
    r = np.where(cover > 0.02, bald + (outer - bald) * rise(cover, 0, 0.8), 0)
    if g.hair_style == "bun":
        # A knot on top of the head, towards the back.
        knot = 0.17 + 0.05 * g.hair_volume
        up = np.square(knot) - np.square(y - crown)
        ball = -0.12 * np.cos(phi) + np.sqrt(np.clip(up - np.square(0.12 * np.sin(phi)), 0, None))
        on = (up > np.square(0.12 * np.sin(phi))) & (ball > r)
        r, cover = np.where(on, ball, r), np.where(on, 1, cover)
    cover = np.where(r >= skin, cover, 0).astype(np.float32)
    return Hair(cover=cover, r=r.astype(np.float32), strands=strands)


def dome(y: Array, top: float) -> Array:
    """How a skull narrows towards its top: 1 below, 0 above."""
    return np.sqrt(1 - np.clip((y - 0.22) / (top - 0.22), 0, 1) ** 2.3).astype(np.float32)  # type: ignore[no-any-return]


def _hairline(g: Genes) -> list[float]:
    """The height at which hair begins, at each of ``_ANGLES``."""
    front = 0.43 + 0.035 * g.hairline + 0.03 * g.recession
    back = 0.1 * g.recession
    line = [front, front + 0.25 * back, front + back, front - 0.03 + 1.2 * back, 0.31 + 0.3 * back, 0.16, -0.02, 0.02,
            -0.14, -0.36, -0.42]  # fmt: skip
    if g.hair_style == "horseshoe":
        line[:6] = [0.5, 0.48, 0.4, 0.3, 0.22, 0.12]
    if g.fringe and g.hair_style in ("short", "long", "bob", "curly"):
        hang = (front - 0.16) * g.fringe
        line[:4] = [front - hang, front - hang, front - 0.9 * hang, front - 0.03 - 0.5 * hang]
    if g.hair_style in ("long", "bob"):
        end = -0.42 - 0.2 * g.hair_length if g.hair_style == "bob" else -0.8 - 0.5 * g.hair_length
        line[4:] = [0.22, 0.4 * end + 0.06, end, end, end, end, end]
    if g.hair_style == "afro":
        line[5:] = [0.14, -0.04, -0.16, -0.22, -0.36, -0.42]
    return line


def _thickness(g: Genes, y: Array, phi: Array, angle: Array, low: Array, strands: Array) -> Array:
    """How far hair stands off the skull."""
    deep = rise(y - low, 0, 0.2)
    v = g.hair_volume
    if g.hair_style in ("buzz", "horseshoe"):
        return 0.012 + 0.01 * deep + 0.003 * strands
    if g.hair_style == "afro":
        return (0.1 + 0.16 * v) * (0.25 + 0.75 * deep) + 0.016 * strands
    if g.hair_style == "curly":
        return (0.06 + 0.09 * v) * (0.35 + 0.65 * deep) + 0.016 * strands
    if g.hair_style == "bun":
        return 0.02 + 0.025 * deep + 0.006 * strands
    body = (0.035 + 0.05 * v) * (0.35 + 0.65 * deep) + 0.008 * strands
    if g.hair_style == "quiff":
        body = body + (0.05 + 0.07 * v) * rise(y, 0.4, 0.62) * rise(angle, 85, 25)
    # A parting: a furrow along one side of the crown.
    furrow = bell(phi - 0.55 * g.parting, 0.13) * rise(y, 0.34, 0.5)
    return body * (1 - 0.55 * furrow)
