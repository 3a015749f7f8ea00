"""Who a person is: numbers drawn from (seed, part, number), independent of image size, pose and light."""

from __future__ import annotations

import numpy as np
from attrs import frozen

from gan_recipe_plugins._faces.shapes import Array

Colour = tuple[float, float, float]

_SKIN = ((240, 205, 186), (230, 184, 156), (208, 158, 124), (172, 120, 88), (126, 84, 60), (82, 53, 41))
_HAIR = {
    "black": (22, 19, 20),
    "dark brown": (52, 34, 24),
    "brown": (94, 62, 38),
    "auburn": (122, 52, 28),
    "red": (178, 84, 38),
    "blond": (206, 164, 98),
    "platinum": (232, 212, 168),
    "grey": (142, 142, 146),
    "white": (220, 220, 220),
}
_IRIS = ((62, 38, 22), (96, 62, 34), (110, 108, 60), (84, 122, 92), (88, 130, 170), (120, 140, 150))
_CLOTHES = ((40, 44, 60), (120, 40, 44), (60, 92, 72), (196, 190, 180), (76, 70, 110), (30, 30, 32), (92, 96, 60))
_FRAMES = ((18, 18, 20), (70, 36, 22), (120, 30, 34), (150, 146, 140), (30, 50, 90))


@frozen
class Genes:
    """Shape genes lie in about [-1, 1] around the average; amounts in [0, 1]; colours are sRGB in [0, 1]."""

    skull_width: float
    skull_depth: float
    skull_height: float
    forehead: float
    forehead_slope: float
    brow_ridge: float
    cheekbone: float
    cheek_fullness: float
    jaw_width: float
    jaw_drop: float
    chin_length: float
    chin_width: float
    chin_forward: float
    eye_size: float
    eye_open: float
    eye_spacing: float
    eye_tilt: float
    eye_depth: float
    eye_height: float
    brow_height: float
    brow_thickness: float
    brow_arch: float
    nose_length: float
    nose_forward: float
    nose_width: float
    nose_hump: float
    nose_tip: float
    mouth_width: float
    mouth_height: float
    upper_lip: float
    lower_lip: float
    smile: float
    crooked: float
    ear_size: float
    ear_out: float
    neck_width: float
    #: 0 young, 1 old: folds, hollow cheeks, grey hair.
    age: float
    skin: Colour
    lips: Colour
    hair: Colour
    eyebrow: Colour
    iris: Colour
    clothes: Colour
    ruddy: float
    freckles: float
    make_up: float
    #: bald, horseshoe, buzz, short, quiff, curly, afro, bob, long, bun
    hair_style: str
    hair_volume: float
    hairline: float
    recession: float
    #: How far a fringe hangs over the forehead, 0 to 1.
    fringe: float
    #: The side of the parting: negative left, positive right.
    parting: float
    hair_length: float
    moustache: float
    #: none, stubble, goatee, full
    beard: str
    beard_length: float
    #: none, round, square, thin
    glasses: str
    glasses_size: float
    frame: Colour
    #: White noise that all mottling, strands and freckles are read from.
    lattice: Array


def draw(seed: int, part: int, number: int) -> Genes:
    """Person ``number`` of ``part`` (0 training, 1 held out) of the population ``seed``."""
    rng = np.random.default_rng([seed, part, number])

    def shape(lean: float = 0.0, spread: float = 0.62) -> float:
        return float(np.clip(lean + spread * rng.standard_normal(), -1.5, 1.5))

    def chance(probability: float) -> bool:
        return bool(rng.random() < probability)

    def pick(*weighted: tuple[str, float]) -> str:
        names, weights = zip(*weighted, strict=True)
        return str(names[int(np.searchsorted(np.cumsum(weights), rng.random() * sum(weights), side="right"))])

    def choose(colours: tuple[tuple[int, int, int], ...], jitter: float) -> Colour:
        return _colour(colours[int(rng.integers(len(colours)))], jitter, rng)

    male = chance(0.5)
    lean = 0.45 if male else -0.45
    age = float(rng.random() ** 1.4)

    tone = rng.random() * (len(_SKIN) - 1)
    low = min(int(tone), len(_SKIN) - 2)
    mixed = [a + (tone - low) * (b - a) for a, b in zip(_SKIN[low], _SKIN[low + 1], strict=True)]
    skin = _colour((mixed[0], mixed[1], mixed[2]), 3, rng)
    dark = tone / (len(_SKIN) - 1)

    if age > 0.62 and chance(0.6):
        hair_name = "grey" if chance(0.6) else "white"
    elif dark > 0.6:
        hair_name = pick(("black", 0.75), ("dark brown", 0.25))
    else:
        hair_name = pick(
            ("black", 0.2), ("dark brown", 0.2), ("brown", 0.2), ("auburn", 0.1), ("red", 0.1), ("blond", 0.14),
            ("platinum", 0.06),
        )  # fmt: skip
    hair = _colour(_HAIR[hair_name], 4, rng)

    style = (
        pick(("bald", 0.11), ("horseshoe", 0.06 + 0.12 * age), ("buzz", 0.14), ("short", 0.28), ("quiff", 0.18),
             ("curly", 0.1), ("afro", 0.18 if dark > 0.6 else 0.03), ("long", 0.06))
        if male
        else pick(("long", 0.34), ("bob", 0.22), ("bun", 0.16), ("short", 0.1), ("curly", 0.1),
                  ("afro", 0.2 if dark > 0.6 else 0.03))
    )  # fmt: skip
    beard = pick(("none", 0.48), ("stubble", 0.18), ("goatee", 0.14), ("full", 0.2)) if male else "none"
    moustache = {"none": float(male and chance(0.14)), "stubble": 0.35, "goatee": float(chance(0.7)), "full": 1.0}[
        beard
    ]
    make_up = 0.0 if male else float(chance(0.55)) * rng.random()
    lip = [0.86 * skin[0] + 0.03, 0.62 * skin[1], 0.64 * skin[2]]
    red = (0.62 + 0.2 * rng.random(), 0.10 + 0.12 * rng.random(), 0.16 + 0.14 * rng.random())
    lips = tuple(float(a + 0.75 * make_up * (b - a)) for a, b in zip(lip, red, strict=True))
    shade = 0.75 if hair_name in ("grey", "white", "platinum", "blond") else 0.9
    glasses = pick(("none", 0.66), ("round", 0.12), ("square", 0.14), ("thin", 0.08))

    return Genes(
        skull_width=shape(),
        skull_depth=shape(),
        skull_height=shape(),
        forehead=shape(),
        forehead_slope=shape(0.5 * lean),
        brow_ridge=shape(1.2 * lean),
        cheekbone=shape(),
        cheek_fullness=shape(-0.3 * age, 0.7),
        jaw_width=shape(0.8 * lean),
        jaw_drop=shape(0.5 * lean),
        chin_length=shape(0.4 * lean),
        chin_width=shape(0.8 * lean),
        chin_forward=shape(),
        eye_size=shape(-0.5 * lean),
        eye_open=shape(-0.4 * lean - 0.2 * age),
        eye_spacing=shape(),
        eye_tilt=shape(-0.3 * lean),
        eye_depth=shape(0.5 * lean),
        eye_height=shape(spread=0.5),
        brow_height=shape(-0.7 * lean),
        brow_thickness=shape(0.9 * lean),
        brow_arch=shape(-0.7 * lean),
        nose_length=shape(0.3 * lean),
        nose_forward=shape(0.3 * lean),
        nose_width=shape(0.3 * lean + 0.7 * (dark - 0.4)),
        nose_hump=shape(0.3 * lean),
        nose_tip=shape(-0.3 * lean),
        mouth_width=shape(),
        mouth_height=shape(),
        upper_lip=shape(-0.4 * lean + 0.7 * (dark - 0.4)),
        lower_lip=shape(-0.4 * lean + 0.7 * (dark - 0.4)),
        smile=shape(0.6),
        crooked=shape(spread=0.4),
        ear_size=shape(0.3 * lean + 0.3 * age),
        ear_out=shape(),
        neck_width=shape(0.9 * lean),
        age=age,
        skin=skin,
        lips=(lips[0], lips[1], lips[2]),
        hair=hair,
        eyebrow=(shade * hair[0], shade * hair[1], shade * hair[2]),
        iris=choose(_IRIS[:2] if dark > 0.6 else _IRIS, 8),
        clothes=choose(_CLOTHES, 14),
        ruddy=float(rng.random()) * (1 - 0.6 * dark),
        freckles=float(chance(0.45 if hair_name == "red" else 0.1)) * (0.5 + 0.5 * rng.random()) * float(dark < 0.5),
        make_up=make_up,
        hair_style=style,
        hair_volume=float(rng.random()),
        hairline=shape(),
        recession=float(rng.random()) * (0.4 + 0.6 * age) * float(male),
        fringe=float(rng.random()) * float(chance(0.33)),
        parting=float(rng.choice([-1.0, 1.0]) * (0.3 + 0.7 * rng.random())),
        hair_length=float(rng.random()),
        moustache=moustache,
        beard=beard,
        beard_length=float(rng.random()),
        glasses=glasses,
        glasses_size=shape(),
        frame=choose(_FRAMES, 8) if glasses != "thin" else _colour((128, 122, 112), 14, rng),
        lattice=rng.random((64, 256), dtype=np.float32) * 2 - 1,
    )


def _colour(rgb: tuple[float, float, float], jitter: float, rng: np.random.Generator) -> Colour:
    # Mostly lighter or darker as a whole, for dark hair turns green from a little noise in one channel.
    brighter = 1 + 0.02 * jitter * rng.standard_normal()
    noisy = np.clip((np.asarray(rgb) * brighter + 0.35 * jitter * rng.standard_normal(3)) / 255, 0.02, 0.98)
    return float(noisy[0]), float(noisy[1]), float(noisy[2])
