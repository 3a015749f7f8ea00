"""The pixels of photographs in a folder: cut, resized, turned and read as they should be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_faces import noisy, only
from PIL import Image

from gan_recipe_plugins.image_folder import ImageFolder

pytestmark = pytest.mark.usefixtures("cache")


def test_an_image_of_the_right_size_comes_through_byte_for_byte(tmp_path: Path) -> None:
    """What is neither resized nor cropped is what Pillow decodes; -1 is black and 1 is white."""
    image = noisy(tmp_path / "a.png", (16, 16))
    np.testing.assert_array_equal(only(tmp_path, size=16), np.asarray(image))
    np.testing.assert_array_equal(only(tmp_path, size=16, channels=1)[..., 0], np.asarray(image.convert("L")))


def test_the_centre_is_cut_out(tmp_path: Path) -> None:
    """An image of the right height that is too wide loses as much on the left as on the right."""
    image = np.asarray(noisy(tmp_path / "a.png", (24, 16)))
    np.testing.assert_array_equal(only(tmp_path, size=16), image[:, 4:20])
    np.testing.assert_array_equal(only(tmp_path, size=12, resize=16), image[2:14, 6:18])


def test_the_shorter_side_is_resized(tmp_path: Path) -> None:
    """Within a grey level or two of resizing the whole image first and cutting out its centre afterwards."""
    image = Image.radial_gradient("L").resize((90, 60)).convert("RGB")
    image.save(tmp_path / "a.png")
    reference = np.asarray(image.resize((30, 20), Image.Resampling.BICUBIC))[:, 5:25]
    assert np.abs(only(tmp_path, size=20).astype(int) - reference).max() <= 2


def test_a_random_crop_is_a_window_and_a_flip_is_its_mirror(tmp_path: Path) -> None:
    """Every training view is one of the 2 x 9 windows of the resized image, all occur, and the truth gets the same."""
    image = np.asarray(noisy(tmp_path / "a_x.png", (10, 10)))
    settings: dict[str, Any] = {"size": 8, "resize": 10, "crop": "random", "flip": True}
    windows = [image[y : y + 8, x : x + 8] for y in range(3) for x in range(3)]
    known = {window.tobytes() for window in windows} | {window[:, ::-1].tobytes() for window in windows}
    data = ImageFolder(
        tmp_path, pattern=r"(?P<who>.)_(?P<what>.)\.png", identity="who", target={"what": "x"}, **settings
    )
    batch = data.open().batch(0, 0, 400)
    views = np.rint((batch["image"].transpose(0, 2, 3, 1) + 1) * 127.5).astype(np.uint8)
    assert {view.tobytes() for view in views} == known
    np.testing.assert_array_equal(batch["image"], batch["target"])


def test_held_out_images_are_centred_and_never_flipped(tmp_path: Path) -> None:
    """What is judged does not wobble."""
    images = [np.asarray(noisy(tmp_path / f"{number}.png", (10, 10))) for number in range(4)]
    source = ImageFolder(tmp_path, size=8, resize=10, crop="random", flip=True, held_out=0.5).open(held_out=True)
    views = np.rint((source.batch(0, 0, 20)["image"].transpose(0, 2, 3, 1) + 1) * 127.5).astype(np.uint8)
    assert {view.tobytes() for view in views} <= {image[1:9, 1:9].tobytes() for image in images}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_photographs_are_turned_as_their_camera_was_held(tmp_path: Path, orientation: int) -> None:
    """Exif's eight orientations, against Pillow's own transposition."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    noisy(tmp_path / "a.png", (8, 8), exif=exif)
    with Image.open(tmp_path / "a.png") as image:
        reference = np.asarray(ImageOps.exif_transpose(image))
    np.testing.assert_array_equal(only(tmp_path, size=8), reference)


def test_sixteen_bits_are_scaled_and_transparency_is_white(tmp_path: Path) -> None:
    """Pillow's plain conversion would clip the former at 255 and show what hides below the latter."""
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040
    for folder in ("deep", "clear", "palette"):
        (tmp_path / folder).mkdir()
    Image.fromarray(deep).save(tmp_path / "deep/a.png")
    np.testing.assert_array_equal(only(tmp_path / "deep", size=8, channels=1)[..., 0], deep >> 8)
    Image.new("RGBA", (8, 8), (200, 0, 0, 0)).save(tmp_path / "clear/a.png")
    assert (only(tmp_path / "clear", size=8) == 255).all()
    Image.new("RGB", (8, 8), (10, 200, 30)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        tmp_path / "palette/a.png"
    )
    assert (only(tmp_path / "palette", size=8) == (10, 200, 30)).all()


@pytest.mark.parametrize("suffix", ["png", "jpg", "JPEG", "webp", "bmp"])
def test_every_kind_of_image_is_read(tmp_path: Path, suffix: str) -> None:
    """A plain grey of each format comes out grey, whatever the case of its suffix."""
    Image.new("RGB", (300, 300), (90, 90, 90)).save(tmp_path / f"a.{suffix}")
    assert np.abs(only(tmp_path, size=8).astype(int) - 90).max() <= 2
