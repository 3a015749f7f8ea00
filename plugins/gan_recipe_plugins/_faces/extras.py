"""What a star-shaped head lacks: ears, and glasses."""

from __future__ import annotations

import numpy as np

from gan_recipe_plugins._faces.genes import Genes
from gan_recipe_plugins._faces.head import Head
from gan_recipe_plugins._faces.paint import linear
from gan_recipe_plugins._faces.shapes import Array, bell, rise
from gan_recipe_plugins._faces.sheet import Sheet


def ear(g: Genes, head: Head, skin: Array, side: int, columns: int) -> Sheet | None:
    """One ear; ``side`` is -1 or 1. None under long hair, and where rows are too coarse to hold one."""
    if g.hair_style in ("long", "bob"):
        return None
    m = head.marks
    middle = 0.5 * (m.brow_v + m.nose_v) - 0.01
    half = 0.165 * (1 + 0.12 * g.ear_size)
    v = (head.y[:, 0] - middle) / half
    inside = np.flatnonzero(np.abs(v) < 1)
    if len(inside) < 3:
        return None
    top, y, v = int(inside[0]), head.y[inside], v[inside][:, None]
    t = np.linspace(0, 1, columns, dtype=np.float32)[None]
    # Widest in the upper half, narrowing into the lobe.
    width = np.sqrt(1 - np.square(v)) * (0.86 + 0.22 * v)
    # The ear grows from the side of the bald head and leans outwards and backwards.
    out = (0.1 + 0.035 * g.ear_out) * (1 + 0.12 * g.ear_size)
    root = head.temple - 0.03
    rim = rise(t, 0.0, 0.75) * rise(t, 1.12, 0.9)
    hollow = bell(t - 0.42, 0.17) * bell(v - 0.05, 0.6) + 0.5 * bell(t - 0.72, 0.06) * bell(v - 0.1, 0.7)
    x = root + 0.02 + (out * rim - 0.03 * hollow) * width**0.6 + 0.012 * v
    z = 0.055 - 0.175 * (1 + 0.12 * g.ear_size) * t * width - 0.02 * v - 0.05 * (1 - width)
    colour = np.broadcast_to(linear(g.skin), (*x.shape, 3)) * np.array([1.0, 0.86, 0.84], np.float32)
    colour = colour * (1 - 0.5 * np.clip(hollow, 0, 1))[..., None]
    order = slice(None) if side > 0 else slice(None, None, -1)
    there = np.ones(x.shape, np.bool_)
    # Curves run left to right as seen from the front: the normals of both ears then point outwards and forwards.
    return Sheet(
        top=top,
        x=(side * x)[:, order].astype(np.float32),
        y=y,
        z=z[:, order].astype(np.float32),
        albedo=colour[:, order].astype(np.float32),
        there=there,
        inside=there,
        closed=False,
    )


def glasses(g: Genes, head: Head) -> Sheet | None:
    """A pair of glasses: a box around the head of which only rims, bridge and arms are there."""
    if g.glasses == "none":
        return None
    m = head.marks
    half_u = 0.155 * (1 + 0.1 * g.glasses_size)
    half_v = (0.125 if g.glasses == "round" else 0.1) * (1 + 0.12 * g.glasses_size)
    line = max(0.026 if g.glasses != "thin" else 0.015, 1.05 * float(head.y[0, 0] - head.y[1, 0]))
    v0 = m.eye_v - 0.01
    rows = np.flatnonzero(np.abs(head.y[:, 0] - v0) < half_v + 2 * line)
    if len(rows) < 3:
        return None
    y = head.y[rows]
    front, side = head.bridge + 0.012, head.temple + 0.02
    # Columns follow the front closely and the arms loosely.
    u = np.concatenate([[-1.0], np.linspace(-1, 1, 6 * len(head.y) // 4), [1.0]]).astype(np.float32)[None]
    flat = (np.abs(u) * side).astype(np.float32)
    x = np.broadcast_to(np.sign(u) * flat, (len(y), u.shape[1])).astype(np.float32)
    z = np.broadcast_to(front - 0.95 * np.square(flat), x.shape).astype(np.float32).copy()
    z[:, 0] = z[:, -1] = 0.0
    power = 2.2 if g.glasses == "round" else 5.0
    centre = max(m.eye_u + 0.012, half_u + 0.035)
    v = y - v0
    reach = (np.abs((np.abs(x) - centre) / half_u) ** power + np.abs(v / half_v) ** power) ** (1 / power)
    # The distance to the rim, not only along the axes: divided by the slope of ``reach``.
    down, along = np.gradient(reach, axis=0) / np.gradient(y, axis=0), np.gradient(reach, axis=1)
    slope = np.hypot(down, along / (x[:, 2:3] - x[:, 1:2]))
    rim = np.abs(reach - 1) / np.maximum(slope, 1e-3) < line / 2
    bridge = (np.abs(x) < centre - 0.85 * half_u) & (np.abs(v - 0.35 * half_v) < line / 2)
    hinge = (np.abs(x) > centre + 0.9 * half_u) & (np.abs(v - 0.5 * half_v) < line / 2)
    there = rim | bridge | hinge
    # A lower half without a rim is what "thin" glasses look like.
    if g.glasses == "thin":
        there &= (v > -0.2 * half_v) | bridge
    colour = np.broadcast_to(linear(g.frame), (*x.shape, 3)).astype(np.float32)
    return Sheet(
        top=int(rows[0]), x=x, y=y, z=z, albedo=colour, there=there, inside=np.ones(x.shape, np.bool_), closed=False
    )
