"""The colour of every point of a head, in linear light."""

from __future__ import annotations

import numpy as np

from gan_recipe_plugins._faces.genes import Colour, Genes
from gan_recipe_plugins._faces.head import Head
from gan_recipe_plugins._faces.shapes import Array, bell, curve, noise, rise


def paint(g: Genes, head: Head) -> Array:
    """The albedo of the head's grid, (R, C, 3), linear."""
    y = head.y
    # Edges are as soft as the grid is coarse: crisp at 256 px, free of stairs at 64.
    soft = max(0.006, 0.9 * float(y[0, 0] - y[1, 0]))
    column = (head.phi / (2 * np.pi) + 0.5) * 256
    colour = np.broadcast_to(linear(g.skin), (*head.r.shape, 3)).copy()
    mottle = noise(g.lattice, (1 - y) * 6, column * 0.25) + 0.5 * noise(g.lattice, (1 - y) * 14 + 5, column * 0.5)
    colour *= (1 + 0.035 * mottle)[..., None]
    _skin(g, head, colour, soft)
    _beard(g, head, colour, column)
    _mouth(g, head, colour, soft)
    for side in (-1, 1):
        _eye(g, head, colour, side, soft)
    _brows(g, head, colour, column, soft)

    colour *= (1 - 0.6 * rise(head.hair.cover, 0.0, 0.25))[..., None]
    # Hair darkens towards its roots, and a band of gloss runs around the head.
    gloss = 0.38 * bell(y - 0.46 + 0.03 * head.hair.strands, 0.1) * rise(np.cos(head.phi), -0.5, 0.3)
    tone = (1 + 0.42 * head.hair.strands + gloss) * (0.72 + 0.28 * rise(head.hair.cover, 0.3, 1.0))
    sheer = 0.8 if g.hair_style == "buzz" else 1.0
    _lay(colour, linear(g.hair) * np.clip(tone, 0.25, 2)[..., None], sheer * head.hair.cover)
    _lay(colour, linear(g.clothes) * (1 + 0.06 * mottle)[..., None], head.clothes * (1 - head.hair.cover))
    # The neck lies under the chin: sky light hardly reaches it.
    colour *= (1 - 0.35 * head.neck * (1 - head.clothes) * (1 - head.hair.cover) * rise(y, -0.82, -0.5))[..., None]
    return np.clip(colour, 0.004, 1).astype(np.float32)


def linear(colour: Colour) -> Array:
    """sRGB to linear light, by the plain power of 2.2 that the tone curve undoes."""
    return np.asarray(colour, np.float32) ** 2.2


def _lay(colour: Array, over: Array, cover: Array) -> None:
    """Lay a colour over the colours, in place."""
    colour += (over - colour) * cover[..., None]


def _skin(g: Genes, head: Head, colour: Array, soft: float) -> None:
    m, y, u, face = head.marks, head.y, head.u, head.face
    side = np.abs(u)
    red = np.array([1.02, 0.78, 0.76], np.float32)
    blush = bell(side - 0.29, 0.11) * bell(y - m.mouth_v - 0.14, 0.1) + 0.7 * bell(u, 0.07) * bell(
        y - m.nose_v - 0.03, 0.06
    )
    _lay(colour, colour * red, np.clip((0.25 + 0.75 * g.ruddy + 0.4 * g.make_up) * face * blush, 0, 1))
    # Under the nose, beside its wings and under the lower lip there is always shade; so are tired eyes.
    shade = 0.34 * bell(u, m.nose_half) * bell(y - m.nose_v + 0.03, 0.022)
    shade = shade + 0.3 * bell(side - m.nose_half - 0.012, 0.018) * bell(y - m.nose_v - 0.012, 0.03)
    shade = shade + 0.22 * bell(u, 0.1) * bell(y - m.mouth_v + m.lower_lip + 0.03, 0.02)
    shade = shade + (0.1 + 0.22 * g.age) * bell(side - m.eye_u + 0.01, 0.075) * bell(y - m.eye_v + 0.075, 0.022)
    shade = shade + 0.16 * bell(side - m.eye_u + 0.05, 0.06) * bell(y - m.eye_v - 0.06, 0.04)
    fold = m.nose_half + 0.02 + (m.mouth_half + 0.04 - m.nose_half) * (m.nose_v - y) / (m.nose_v - m.mouth_v + 0.02)
    shade = shade + (0.05 + 0.3 * g.age) * bell(side - fold, 0.016) * rise(y, m.mouth_v - 0.05, m.mouth_v) * rise(
        y, m.nose_v + 0.05, m.nose_v)  # fmt: skip
    lines = bell(np.sin((y - 0.28) * 52), 0.35) * bell(y - 0.31, 0.07) * bell(u, 0.24)
    shade = shade + 0.2 * max(0.0, g.age - 0.5) * lines
    nostril = bell(side - 0.5 * m.nose_half, 0.022) * bell(y - m.nose_v + 0.012, max(0.013, soft))
    _lay(colour, colour * 0.16, np.clip(0.75 * nostril * face, 0, 1))
    _lay(colour, colour * np.array([0.5, 0.4, 0.4], np.float32), np.clip(shade * face, 0, 1))
    if g.freckles:
        spots = noise(g.lattice, y * 40 + 20, head.phi * 24 + 60)
        cheeks = bell(side - 0.2, 0.2) * bell(y - m.eye_v + 0.16, 0.13)
        _lay(
            colour,
            colour * np.array([0.62, 0.45, 0.35], np.float32),
            g.freckles * rise(spots, 0.25, 0.5) * cheeks * face,
        )


def _eye(g: Genes, head: Head, colour: Array, side: int, soft: float) -> None:
    m, y, face = head.marks, head.y, head.face
    across = (head.u * side - m.eye_u) / m.eye_width
    v = y - m.eye_v - 0.014 * g.eye_tilt * across
    near = (np.abs(across) < 1.6) & (np.abs(v) < 0.2) & (face > 0)
    rows, columns = np.flatnonzero(near.any(1)), np.flatnonzero(near.any(0))
    if not len(rows):
        return
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    across, v, face, colour = across[window], v[window], face[window], colour[window]
    arch = np.clip(1 - np.square(across), 0, 1)
    upper = m.upper_lid * arch**0.75
    lower = -m.lower_lid * arch**0.9
    inside = rise(upper - v, -soft, soft) * rise(v - lower, -soft, soft) * rise(1 - np.abs(across), 0, 0.12) * face

    # Make-up or tiredness on the lid, the crease above it, the eyeball with its shaded edges.
    lid = np.clip(
        rise(v - upper, -soft, 0.0) * rise(0.05 - (v - upper), 0, 0.03) * rise(1.05 - np.abs(across), 0, 0.3), 0, 1
    )
    _lay(colour, colour * np.array([0.55, 0.42, 0.5], np.float32), (0.25 + 0.6 * g.make_up) * lid * face)
    crease = bell(v - upper - 0.03, max(0.008, 0.7 * soft)) * rise(1.15 - np.abs(across), 0, 0.4)
    _lay(colour, colour * 0.35, 0.6 * crease * face)
    white = np.array([0.80, 0.77, 0.74], np.float32) * (0.62 + 0.38 * rise(upper - v, 0.0, 0.035))[..., None]
    white = white * (1 - 0.3 * np.abs(across) ** 3)[..., None]
    _lay(colour, white, inside)
    radius = 0.041
    distance = np.hypot(across * m.eye_width, v - 0.006)
    iris = linear(g.iris) * (0.8 + 0.9 * rise(distance, 0.012, 0.03) * rise(radius - distance, 0, 0.012))[..., None]
    _lay(colour, iris, inside * rise(radius - distance, -soft, soft))
    _lay(colour, np.full(3, 0.006, np.float32), inside * rise(0.019 - distance, -soft, soft))
    spark = np.hypot(across * m.eye_width + 0.012 * side, v - 0.02)
    _lay(colour, np.full(3, 1.0, np.float32), 0.85 * inside * rise(0.009 - spark, -soft, soft))
    lash = bell(v - upper, max(0.011, 0.8 * soft) * (1 + 0.35 * g.make_up)) * rise(1.12 - np.abs(across), 0, 0.14)
    _lay(colour, linear(g.eyebrow) * 0.2 + 0.004, (0.8 + 0.2 * g.make_up) * lash * face)
    under = bell(v - lower, max(0.007, 0.6 * soft)) * rise(1.05 - np.abs(across), 0, 0.2)
    _lay(colour, colour * 0.42, (0.45 + 0.4 * g.make_up) * under * face)


def _brows(g: Genes, head: Head, colour: Array, column: Array, soft: float) -> None:
    m, y = head.marks, head.y
    across = (np.abs(head.u) - 0.07) / 0.235
    line = m.brow_v + curve(across, [0, 0.35, 0.65, 1.0], [-0.012, 0.012, 0.022 + 0.012 * g.brow_arch, -0.022])
    half = (0.02 + 0.0075 * g.brow_thickness) * curve(across, [0, 0.2, 0.7, 1], [0.75, 1.0, 0.8, 0.25])
    hairs = 0.85 + 0.3 * noise(g.lattice, (1 - y) * 10, column)
    cover = rise(half - np.abs(y - line), -soft, soft) * rise(across, -0.05, 0.1) * rise(across, 1.08, 0.92)
    grown = (0.82 + 0.08 * g.brow_thickness) * hairs * cover * head.face
    _lay(colour, linear(g.eyebrow), np.clip(grown, 0, 1) * (1 - head.hair.cover))


def _mouth(g: Genes, head: Head, colour: Array, soft: float) -> None:
    m, y, u = head.marks, head.y, head.u
    across = np.clip(np.abs(u) / m.mouth_half, 0, 1.3)
    line = m.mouth_v + 0.02 * g.smile * np.square(across) + 0.02 * g.crooked * u / m.mouth_half
    bow = 0.82 + 0.25 * bell(across - 0.22, 0.18) - 0.12 * bell(across, 0.1)
    upper = m.upper_lip * bow * np.clip(1 - across**1.7, 0, 1)
    lower = m.lower_lip * np.clip(1 - across**2.3, 0, 1)
    v = y - line
    ends = rise(across, 1.02, 0.9) * head.face
    lips = rise(upper - v, -soft, soft) * rise(v + lower, -soft, soft) * ends
    tone = 1 - 0.25 * rise(v, -0.005, 0.01) + 0.22 * bell(v + 0.5 * lower, 0.3 * m.lower_lip) * bell(across, 0.6)
    _lay(colour, linear(g.lips) * tone[..., None], 0.9 * lips)
    parted = bell(v, max(0.0085, 0.75 * soft)) * rise(across, 1.12, 0.98) * head.face
    _lay(colour, linear(g.lips) * np.array([0.16, 0.12, 0.12], np.float32), 0.85 * parted)


def _beard(g: Genes, head: Head, colour: Array, column: Array) -> None:
    if g.beard == "none" and not g.moustache:
        return
    m, y, u = head.marks, head.y, head.u
    side = np.abs(u)
    angle = np.abs(head.phi) * 180 / np.pi
    grain = noise(g.lattice, (1 - y) * 9, column) + 0.5 * noise(g.lattice, (1 - y) * 21, column * 2)
    # A moustache falls from under the nose to the corners of the mouth and thins out there.
    out = side / (m.mouth_half + 0.025)
    above = m.nose_v - 0.03 - (m.nose_v - m.mouth_v - 0.05) * np.clip(out, 0, 1.2) ** 1.6
    below = m.mouth_v + 0.75 * m.upper_lip - 0.035 * np.clip(out, 0, 1.2) ** 2
    lip = rise(above - y, -0.008, 0.014) * rise(y - below, -0.008, 0.012) * rise(out, 1.15, 0.9) * g.moustache
    # The cheek line falls from the sideburn to the corner of the mouth; the beard leaves the lips free.
    edge = curve(
        angle, [0, 14, 30, 50, 68, 80], [m.mouth_v - 0.07, m.mouth_v - 0.05, m.mouth_v + 0.02, -0.26, -0.12, 0.05]
    )
    beard = rise(edge - y, -0.02, 0.04) * rise(angle, 92, 80) * rise(y, m.chin - 0.25, m.chin - 0.02)
    frame = bell(side - m.mouth_half - 0.03, 0.032) * rise(y, m.nose_v - 0.02, m.mouth_v + 0.03) * rise(
        y, m.chin, m.mouth_v - 0.05)  # fmt: skip
    if g.beard == "goatee":
        beard = rise(side, 0.2, 0.13) * rise(m.mouth_v - m.lower_lip - 0.03 - y, -0.01, 0.02)
    at_lips = rise(1.2 * m.lower_lip - np.abs(y - m.mouth_v + 0.01), 0, 0.012)
    free = 1 - at_lips * rise(side, m.mouth_half + 0.03, m.mouth_half)
    amount = {"none": 0.0, "stubble": 0.5, "goatee": 0.95, "full": 0.97}[g.beard]
    cover = np.maximum(lip, np.clip(amount * np.maximum(beard * free, frame), 0, 1))
    cover = cover * rise(np.cos(head.phi), -0.1, 0.1) * (1 - head.neck)
    if g.beard == "stubble":
        cover = cover * (0.8 + 0.2 * grain)
    tone = 0.85 + 0.3 * grain
    _lay(colour, linear(g.eyebrow) * np.clip(tone, 0.3, 1.5)[..., None], np.clip(cover, 0, 1))
