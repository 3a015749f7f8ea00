"""The shape of a head: one radius for every height and angle.

Heights run from the chin (about -0.66) to the crown (about 0.7); angles run around the vertical axis from the face (0)
to the ears (about +-95 degrees) and the back (180). Every horizontal slice is star-shaped about the axis, which is all
that the renderer needs: a jaw may overhang the neck and hair may hang beside the cheek.
"""

from __future__ import annotations

import numpy as np
from attrs import frozen

from gan_recipe_plugins._faces.genes import Genes
from gan_recipe_plugins._faces.hair import Hair, dome, grow
from gan_recipe_plugins._faces.shapes import Array, bell, curve, rise


@frozen
class Landmarks:
    """Where the features sit: heights (v) and half distances across the face (u), in head units."""

    crown: float
    chin: float
    eye_u: float
    eye_v: float
    eye_width: float
    upper_lid: float
    lower_lid: float
    brow_v: float
    nose_v: float
    nose_half: float
    mouth_v: float
    mouth_half: float
    upper_lip: float
    lower_lip: float


@frozen
class Head:
    """A head on a grid of heights (R, 1) and angles (1, C)."""

    marks: Landmarks
    y: Array
    phi: Array
    #: The radius of what is outermost, (R, C).
    r: Array
    #: Coordinates across the face and how much a point belongs to the face, (R, C).
    u: Array
    face: Array
    hair: Hair
    #: Where the neck or the clothes are outermost, (R, C).
    neck: Array
    clothes: Array
    #: The slice through the temples that glasses and ears are fitted to.
    temple: float
    bridge: float


def landmarks(g: Genes) -> Landmarks:
    """The features' places."""
    eye_v = 0.035 + 0.015 * g.eye_height
    nose_v = -0.195 - 0.035 * g.nose_length
    chin = -0.655 - 0.035 * g.chin_length
    size = 1 + 0.16 * g.eye_size
    opening = size * (1 + 0.22 * g.eye_open)
    return Landmarks(
        crown=0.70 + 0.035 * g.skull_height,
        chin=chin,
        eye_u=0.2 + 0.02 * g.eye_spacing,
        eye_v=eye_v,
        eye_width=0.098 * size,
        upper_lid=0.046 * opening,
        lower_lid=0.03 * opening,
        brow_v=eye_v + 0.135 + 0.02 * g.brow_height,
        nose_v=nose_v,
        nose_half=0.088 * (1 + 0.2 * g.nose_width),
        mouth_v=0.56 * nose_v + 0.44 * chin + 0.012 * g.mouth_height + 0.015,
        mouth_half=0.175 * (1 + 0.16 * g.mouth_width),
        upper_lip=0.036 * (1 + 0.42 * g.upper_lip),
        lower_lip=0.048 * (1 + 0.42 * g.lower_lip),
    )


def shape(g: Genes, y: Array, phi: Array) -> Head:
    """The head of a person on heights ``y`` (R, 1), descending, and angles ``phi`` (1, C)."""
    marks = landmarks(g)
    sin, cos = np.sin(phi), np.cos(phi)
    skull, open_skull, u = _skull(g, marks, y, sin, cos)
    face = rise(cos, 0.05, 0.4) * rise(y, marks.chin - 0.1, marks.chin + 0.02)
    bald = skull + face * _features(g, marks, y, u)

    neck_radius = 0.285 + 0.03 * g.neck_width + 0.35 * np.square(np.clip(-0.66 - y, 0, 1))
    neck = _disc(neck_radius, -0.1, sin, cos) * (y < -0.15)
    # Below the collar come the shoulders: an ellipse that widens quickly.
    fall = np.clip((-0.70 - y) / 0.2, 0, 1)
    wide, deep = 0.36 + 0.85 * np.sqrt(fall), 0.34 + 0.2 * fall
    shoulders = fall.clip(0.001) ** 0.01 * (np.square(sin / wide) + np.square(cos / deep)) ** -0.5
    shoulders = np.where(fall > 0, shoulders, 0)
    body = np.maximum(neck, shoulders)
    skin = np.maximum(bald, body)

    hair = grow(g, marks.crown, y, phi, bald, open_skull, skin)
    r = np.maximum(skin, hair.r)
    at_temple = int(np.argmin(np.abs(y[:, 0] - marks.eye_v)))
    side = int(np.argmin(np.abs(phi[0] - np.pi / 2)))
    front = int(np.argmin(np.abs(phi[0])))
    return Head(
        marks=marks,
        y=y,
        phi=phi,
        r=r.astype(np.float32),
        u=u,
        face=face,
        hair=hair,
        neck=(body > bald).astype(np.float32),
        clothes=(shoulders > np.maximum(bald, neck)).astype(np.float32),
        temple=float(bald[at_temple, side]),
        bridge=float(bald[at_temple, front]),
    )


def _skull(g: Genes, m: Landmarks, y: Array, sin: Array, cos: Array) -> tuple[Array, Array, Array]:
    """The skull, jaw and chin without features; the same without a crown; and the coordinate across the face."""
    width = 1 + 0.055 * g.skull_width
    jaw = width * (1 + 0.068 * g.jaw_width)
    cheek = width * (1 + 0.035 * g.cheekbone)
    knots = [m.chin, -0.5, -0.35, -0.2, -0.05, 0.08, 0.28, 0.5]
    half = curve(
        y, knots, [0.34 * jaw, 0.405 * jaw, 0.44 * jaw, 0.46 * (jaw + cheek) / 2, 0.478 * cheek, 0.475 * cheek,
                   0.5 * width, 0.5 * width],
    )  # fmt: skip
    slope = 0.03 * g.forehead_slope
    front = curve(
        y, knots, [0.53 + 0.03 * g.chin_forward, 0.54 + 0.025 * g.chin_forward, 0.55, 0.55, 0.545, 0.555,
                   0.565 - slope / 2, 0.55 - slope],
    )  # fmt: skip
    back = curve(y, [-0.5, -0.2, 0.1, 0.3, 0.6], [0.36, 0.48, 0.6, 0.64, 0.6]) * (1 + 0.05 * g.skull_depth)
    crown = dome(y, m.crown)

    angle = np.abs(np.arctan2(sin, cos)) * 180 / np.pi
    jaw_y = -0.43 - 0.045 * g.jaw_drop
    chin_spread = 1 + 0.3 * g.chin_width
    low = curve(
        angle, [0, 20 * chin_spread, 46, 70, 95, 140, 180],
        [m.chin, m.chin + 0.008, 0.62 * m.chin + 0.38 * jaw_y, jaw_y, -0.36, -0.33, -0.33],
    )  # fmt: skip
    square = 5.2 + 1.2 * g.chin_width
    jawline = np.sqrt(1 - np.clip((-0.12 - y) / (-0.12 - low), 0, 1) ** square)

    depth = np.where(cos > 0, front, back)
    n = 2.25
    r = ((np.abs(sin) / half) ** n + (np.abs(cos) / depth) ** n) ** (-1 / n) * jawline
    return r * crown, r, r * crown * sin


def _features(g: Genes, m: Landmarks, y: Array, u: Array) -> Array:
    """What the face adds to the skull, outwards."""
    side = np.abs(u)
    d = (0.026 + 0.018 * g.brow_ridge) * bell(y - m.brow_v + 0.02, 0.055) * bell(side - 0.14, 0.17)
    # Sockets, and the eyeballs in them.
    d -= (0.062 + 0.014 * g.eye_depth) * bell(side - m.eye_u + 0.03, 0.115) * bell(y - m.eye_v - 0.01, 0.07)
    d += 0.034 * bell(side - m.eye_u, 0.075) * bell(y - m.eye_v, 0.045)
    d += (0.024 + 0.014 * g.cheekbone) * bell(side - 0.33, 0.1) * bell(y - m.eye_v + 0.14, 0.085)
    d += (0.005 + 0.028 * g.cheek_fullness) * bell(side - 0.28, 0.12) * bell(y - m.mouth_v - 0.04, 0.15)
    d += _nose(g, m, y, u)
    # The mound of the mouth, the lips on it, and the groove above the chin.
    d += 0.03 * bell(u, 0.19) * bell(y - m.mouth_v, 0.13)
    across = bell(u, 0.8 * m.mouth_half)
    d += 0.024 * (1 + 0.3 * g.upper_lip) * across * bell(y - m.mouth_v - 0.55 * m.upper_lip, 0.6 * m.upper_lip)
    d += 0.028 * (1 + 0.3 * g.lower_lip) * across * bell(y - m.mouth_v + 0.55 * m.lower_lip, 0.6 * m.lower_lip)
    d -= 0.02 * across * bell(y - m.mouth_v, 0.01)
    d -= 0.022 * bell(u, 0.13) * bell(y - m.mouth_v + m.lower_lip + 0.045, 0.03)
    d += (0.036 + 0.016 * g.chin_forward) * bell(u, 0.12 * (1 + 0.3 * g.chin_width)) * bell(y - m.chin - 0.1, 0.07)
    # The fold from the wing of the nose to the corner of the mouth.
    fold = m.nose_half + 0.02 + (m.mouth_half + 0.04 - m.nose_half) * (m.nose_v - y) / (m.nose_v - m.mouth_v + 0.02)
    d -= (0.004 + 0.012 * g.age) * bell(side - fold, 0.022) * rise(y, m.mouth_v - 0.06, m.mouth_v) * rise(
        y, m.nose_v + 0.05, m.nose_v)  # fmt: skip
    return d


def _nose(g: Genes, m: Landmarks, y: Array, u: Array) -> Array:
    root = m.eye_v + 0.05
    tip = m.nose_v + 0.035 + 0.018 * g.nose_tip
    long = 0.138 + 0.028 * g.nose_forward
    ridge = curve(
        y,
        [m.nose_v - 0.045, m.nose_v - 0.012, tip, 0.6 * tip + 0.4 * root, 0.25 * tip + 0.75 * root, root + 0.07],
        [0, 0.42 * long, long, 0.7 * long + 0.02 * g.nose_hump, 0.36 * long + 0.015 * g.nose_hump, 0.0],
    )
    half = curve(y, [m.nose_v, tip, 0.5 * (tip + root), root], [0.06, 0.062, 0.047, 0.05]) * (1 + 0.18 * g.nose_width)
    flat = np.exp(-(np.abs(u / half) ** 2.4))
    wings = 0.07 * bell(np.abs(u) - m.nose_half + 0.03, 0.036) * bell(y - m.nose_v - 0.022, 0.034)
    return ridge * flat + wings * rise(y, m.nose_v - 0.04, m.nose_v)


def _disc(radius: Array, centre: float, sin: Array, cos: Array) -> Array:
    """The distance from the axis to a circle whose centre lies ``centre`` in front of the axis."""
    return (centre * cos + np.sqrt(np.square(radius) - np.square(centre * sin))).astype(np.float32)  # type: ignore[no-any-return]
