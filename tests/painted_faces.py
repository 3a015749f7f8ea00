"""Folders of images in which every image has one colour of its own, which tells what was yielded."""

from __future__ import annotations

import itertools
import re
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gan_recipe_plugins.image_folder import ImageFolder

PATTERN = r"(?P<person>[^_]+)_(?P<pose>[^_]+)_(?P<mood>[^_]+)\.png"
GROUPS = ("person", "pose", "mood")
PEOPLE = ("ann", "ben", "cid", "dan", "eve", "fay")
POSES = ("left", "half", "straight", "right")
MOODS = ("glad", "sad")
ORDER = {"pose": POSES}
PHOTOGRAPHS = Path(__file__).parents[1] / "../shared/data/cmu_faces"


@pytest.fixture
def cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(folder))
    return folder


@pytest.fixture
def faces(tmp_path: Path) -> Path:
    """Six people in four poses and two moods; two combinations are missing."""
    names = [f"{person}_{pose}_{mood}.png" for person, pose, mood in itertools.product(PEOPLE, POSES, MOODS)]
    return painted(
        tmp_path / "faces", [name for name in names if name not in ("ann_straight_sad.png", "ben_half_sad.png")]
    )


def painted(folder: Path, names: list[str]) -> Path:
    """8 x 8 images, each of the colour that ``colour`` tells from its name."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), colour(name)).save(path)
    return folder


def colour(name: str) -> tuple[int, int, int]:
    """A colour that stands for a name."""
    red, green, blue = zlib.crc32(name.encode()).to_bytes(4, "big")[:3]
    return red, green, blue


def shown(images: np.ndarray, folder: Path) -> list[str]:
    """The names of the files that a batch of images shows, by colour alone."""
    names = [str(path.relative_to(folder)) for path in folder.rglob("*.png")]
    of = {colour(name): name for name in names}
    assert len(of) == len(names)
    pixels = np.rint((images[:, :, 0, 0] + 1) * 127.5).astype(int)
    return [of[red, green, blue] for red, green, blue in pixels.tolist()]


def parts(name: str) -> dict[str, str]:
    """What a name states."""
    match = re.fullmatch(PATTERN, name)
    assert match
    return match.groupdict()


def assert_equal(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for field in one:
        np.testing.assert_array_equal(one[field], other[field])


def everything(folder: Path, **settings: Any) -> ImageFolder:
    """A folder of faces with every field that there is."""
    stated: dict[str, Any] = {
        "size": 8, "pattern": PATTERN, "identity": "person", "order": ORDER, "held_out": ("ben", "eve"),
        "target": {"pose": "straight"}, "pairs": True, "pair_near": "pose", "any_image": True,
    }  # fmt: skip
    return ImageFolder(folder, **(stated | settings))


def noisy(path: Path, size: tuple[int, int], mode: str = "RGB", **saved: Any) -> Image.Image:
    """An image of noise, saved and returned."""
    path.parent.mkdir(exist_ok=True)
    image = Image.effect_noise(size, 80).convert("L") if mode == "L" else Image.merge(
        mode, [Image.effect_noise(size, 80) for _ in mode]
    )  # fmt: skip
    image.save(path, **saved)
    return image


def only(folder: Path, **settings: Any) -> np.ndarray:
    """The bytes of the only image in a folder, height x width x channels."""
    image = ImageFolder(folder, **({"held_out": 0.0} | settings)).open().batch(0, 0, 1)["image"][0]
    pixels: np.ndarray = np.rint((image + 1) * 127.5).astype(np.uint8)
    return pixels.transpose(1, 2, 0)
