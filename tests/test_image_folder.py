"""Photographs in a folder. Every image of these folders has one colour of its own, which tells what was yielded."""

from __future__ import annotations

import itertools
import os
import random
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from PIL import Image

from gan_recipe_plugins._array_store import Append, stored_array
from gan_recipe_plugins._image_folder.decoding import Form, decode
from gan_recipe_plugins.image_folder import ImageFolder

PATTERN = r"(?P<person>[^_]+)_(?P<pose>[^_]+)_(?P<mood>[^_]+)\.png"
GROUPS = ("person", "pose", "mood")
PEOPLE = ("ann", "ben", "cid", "dan", "eve", "fay")
POSES = ("left", "half", "straight", "right")
MOODS = ("glad", "sad")
ORDER = {"pose": POSES}
PHOTOGRAPHS = Path(__file__).parents[1] / "../shared/data/cmu_faces"


@pytest.fixture(autouse=True)
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


# -------------------------------------------------------------------------------------------------------- the stream


@pytest.mark.parametrize("held_out", [False, True])
def test_a_batch_is_a_function_of_its_arguments(faces: Path, held_out: bool) -> None:
    """Whatever was asked before and of whichever opened source, equal arguments give equal batches."""
    data = everything(faces, resize=10, crop="random", flip=True)
    source = data.open(held_out=held_out)
    first = [source.batch(3, position, 5) for position in range(20)]
    for position in (13, 0, 19, 4):
        assert_equal(first[position], source.batch(3, position, 5))
        assert_equal(first[position], data.open(held_out=held_out).batch(3, position, 5))
    assert not np.array_equal(first[0]["image"], first[1]["image"])


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 60])
def test_sample_n_does_not_depend_on_how_batches_are_cut(faces: Path, held_out: bool, size: int) -> None:
    """The same 60 samples, views and partners included, come in batches of any size."""
    source = everything(faces, resize=10, crop="random", flip=True).open(held_out=held_out)
    whole = source.batch(5, 0, 60)
    cut = [source.batch(5, position, size) for position in range(-(-60 // size))]
    assert_equal(whole, {field: np.concatenate([batch[field] for batch in cut])[:60] for field in whole})


def test_every_training_pass_is_another_permutation(faces: Path) -> None:
    """Each pass shows each training image once, in an order that differs between passes and between seeds."""
    source = everything(faces).open()
    orders = [
        shown(source.batch(seed, position, len(source))["image"], faces) for seed in (0, 1) for position in (0, 1)
    ]
    for order in orders:
        assert len(set(order)) == len(order) == len(source)
    assert len(set(map(tuple, orders))) == 4


def test_held_out_samples_go_evenly_and_are_the_same_for_every_seed(faces: Path) -> None:
    """A pass shows each held-out image once; even its first eighth shows everyone; no seed changes anything."""
    source = everything(faces).open(held_out=True)
    batch = source.batch(0, 0, len(source))
    order = shown(batch["image"], faces)
    assert len(set(order)) == len(source)
    assert {parts(name)["person"] for name in order[: len(order) // 4]} == {"ben", "eve"}
    assert shown(source.batch(0, 1, len(source))["image"], faces) == order
    assert_equal(batch, source.batch(99, 0, len(source)))


def test_the_file_system_decides_nothing(faces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy in another place, written in another order and listed in a third, gives the same fingerprint and batch."""
    names = sorted(path.name for path in faces.iterdir())
    random.Random(0).shuffle(names)
    copy = painted(tmp_path / "copy", names)
    listed = os.scandir
    source = everything(faces).open()
    monkeypatch.setattr(
        os, "scandir", lambda path: iter(sorted(listed(path), key=lambda entry: zlib.crc32(entry.name.encode())))
    )
    other = everything(copy).open()
    assert source.fingerprint == other.fingerprint
    assert_equal(source.batch(0, 0, 30), other.batch(0, 0, 30))


def test_the_fingerprint_follows_the_samples(faces: Path) -> None:
    """It changes with a pixel, with a setting that shapes samples and with the part."""
    before = everything(faces).open().fingerprint
    prints = {
        before,
        everything(faces).open(held_out=True).fingerprint,
        everything(faces, flip=True).open().fingerprint,
        everything(faces, target={"pose": "left"}).open().fingerprint,
        everything(faces, size=6).open().fingerprint,
    }
    Image.new("RGB", (8, 8), "white").save(faces / "ann_left_sad.png")
    prints.add(everything(faces).open().fingerprint)
    assert len(prints) == 6


# ------------------------------------------------------------------------------------------------ labels and the parts


@pytest.mark.parametrize("held_out", [False, True])
def test_labels_are_what_the_names_say(faces: Path, held_out: bool) -> None:
    """Every label is its value's place in the stated or alphabetical order; identities count within their part."""
    source = everything(faces).open(held_out=held_out)
    batch = source.batch(0, 0, len(source))
    order = {"person": ("ben", "eve") if held_out else ("ann", "cid", "dan", "fay"), "pose": POSES, "mood": MOODS}
    for prefix, field in (("", "image"), ("target_", "target")):
        for place, name in enumerate(shown(batch[field], faces)):
            for group, value in parts(name).items():
                assert batch[prefix + group][place] == order[group].index(value)


@pytest.mark.parametrize("stated", [0.0, 0.01, 0.3, 0.99, ("cid",)])
def test_nobody_is_in_both_parts(faces: Path, stated: float | tuple[str, ...]) -> None:
    """The parts share no identity, cover everyone, and have the stated size; a share above 0 is at least one person."""
    data = everything(faces, held_out=stated, target={})
    seen = {}
    for held_out in (False, True) if stated else (False,):
        source = data.open(held_out=held_out)
        names = shown(source.batch(0, 0, len(source))["image"], faces)
        partners = shown(source.batch(0, 0, 200)["partner"] if stated else source.batch(0, 0, 9)["partner"], faces)
        strangers = shown(source.batch(0, 0, 200)["any_image"], faces)
        seen[held_out] = {parts(name)["person"] for name in (*names, *partners, *strangers)}
    count = len(stated) if isinstance(stated, tuple) else min(max(round(stated * 6), 1 if stated else 0), 5)
    assert seen[False].isdisjoint(seen.get(True, set()))
    assert seen[False] | seen.get(True, set()) == set(PEOPLE)
    assert len(seen[False]) == 6 - count == data.fields()["person"].classes


def test_without_identities_files_are_held_out(tmp_path: Path) -> None:
    """A plain folder without a pattern yields images alone; a share of its files is kept from training."""
    folder = painted(tmp_path / "plain", [f"{number}.png" for number in range(40)])
    data = ImageFolder(folder, size=8, held_out=0.25)
    training, held_out = data.open(), data.open(held_out=True)
    assert (len(training), len(held_out)) == (30, 10)
    names = shown(training.batch(0, 0, 30)["image"], folder), shown(held_out.batch(0, 0, 10)["image"], folder)
    assert set(names[0]).isdisjoint(names[1])
    assert list(data.fields()) == ["image"]


@pytest.mark.parametrize(
    "settings", [{}, {"pairs": False}, {"target": {}}, {"channels": 1, "size": 5, "any_image": False}]
)
def test_batches_are_what_the_fields_say(faces: Path, settings: dict[str, Any]) -> None:
    """Names, shapes, dtypes and classes of every field, images within [-1, 1]."""
    data = everything(faces, **settings)
    fields = data.fields()
    batch = data.open().batch(0, 0, 90)
    assert set(batch) == set(fields)
    for name, values in batch.items():
        assert values.shape == (90, *fields[name].shape)
        assert values.dtype == fields[name].dtype
        if (classes := fields[name].classes) is not None:
            assert set(values.tolist()) <= set(range(classes))
        else:
            assert values.min() >= -1 and values.max() <= 1


def test_numbers_are_ordered_by_value_and_texts_alphabetically(tmp_path: Path) -> None:
    """A yaw of -30 comes before -5, and 5 before 30, which their texts would not give."""
    folder = painted(tmp_path / "yaw", [f"{name}_{yaw}.png" for name in "ba" for yaw in ("30", "-5", "5", "-30")])
    data = ImageFolder(folder, size=8, pattern=r"(?P<name>\w)_(?P<yaw>-?\d+)\.png", held_out=0.0)
    batch = data.open().batch(0, 0, 8)
    for name, who, yaw in zip(shown(batch["image"], folder), batch["name"], batch["yaw"], strict=True):
        assert name == f"{'ab'[who]}_{('-30', '-5', '5', '30')[yaw]}.png"


def test_multi_pie_is_ready_to_use(tmp_path: Path) -> None:
    """Nine poses by yaw and twenty lights whatever the folder has; other cameras are left out, with a warning."""
    by_yaw = ("200", "190", "041", "050", "051", "140", "130", "080", "090")
    names = [
        f"{who}_01_01_{camera}_{light}.png" for who in ("001", "138") for camera in by_yaw for light in ("07", "13")
    ]
    folder = painted(tmp_path / "pie", [*names, "138_01_01_191_07.png", "notes.png"])
    target = {"pose": "051", "light": "07"}
    data = ImageFolder(folder, size=8, preset="multi_pie", held_out=("001",), target=target, pairs=True)
    fields = data.fields()
    assert (fields["identity"].classes, fields["pose"].classes, fields["light"].classes) == (1, 9, 20)
    with pytest.warns(UserWarning, match=r"2 of 38 images do not match.*'138_01_01_191_07.png', 'notes.png'"):
        source = data.open()
    assert len(source) == 18
    batch = source.batch(0, 0, 200)
    for name, pose, light in zip(shown(batch["image"], folder), batch["pose"], batch["light"], strict=True):
        assert name == f"138_01_01_{by_yaw[pose]}_{light:02}.png"
    assert set(shown(batch["target"], folder)) == {"138_01_01_051_07.png"}
    assert (batch["target_pose"] == 4).all()
    yaws = [by_yaw.index(name[10:13]) for name in shown(batch["partner"], folder)]
    near = np.abs(batch["pose"] - yaws) == 1
    assert near.mean() > 0.5


# ----------------------------------------------------------------------------------------------- ground truths, pairs


def best(candidates: list[str], image: str, alike: tuple[str, ...]) -> set[str]:
    """Of the candidates those that agree with ``image`` in most of the groups ``alike``: written out as a reference."""
    agreement = {name: sum(parts(name)[group] == parts(image)[group] for group in alike) for name in candidates}
    return {name for name in candidates if agreement[name] == max(agreement.values())}


def test_the_ground_truth_is_the_same_person_as_asked(faces: Path) -> None:
    """In every sample it is one of the reference's candidates, and over many samples each of them occurs."""
    names = [path.name for path in faces.iterdir()]
    source = everything(faces).open()
    batch = source.batch(0, 0, 600)
    met: dict[str, set[str]] = {}
    for image, target in zip(shown(batch["image"], faces), shown(batch["target"], faces), strict=True):
        met.setdefault(image, set()).add(target)
    assert len(met) == len(source) == 31
    for image, targets in met.items():
        person = parts(image)["person"]
        candidates = [name for name in names if name.startswith(f"{person}_straight_")]
        assert targets == best(candidates, image, ("mood",))
    assert met["ann_left_sad.png"] == {"ann_straight_glad.png"}


def test_a_star_draws_any_value(faces: Path) -> None:
    """``mood = "*"`` leaves the mood of the ground truth to chance, sample by sample."""
    source = everything(faces, target={"pose": "straight", "mood": "*"}).open()
    batch = source.batch(0, 0, 400)
    pairs = zip(shown(batch["image"], faces), shown(batch["target"], faces), strict=True)
    cid = {target for image, target in pairs if image == "cid_left_sad.png"}
    assert cid == {"cid_straight_glad.png", "cid_straight_sad.png"}


def test_inputs_narrow_the_images_and_nothing_else(faces: Path) -> None:
    """Only the asked poses are drawn as ``image``; truths, partners and classes are those of the whole part."""
    data = everything(faces, inputs={"pose": ("left", "right")})
    source = data.open()
    batch = source.batch(0, 0, 300)
    assert {parts(name)["pose"] for name in shown(batch["image"], faces)} == {"left", "right"}
    assert {parts(name)["pose"] for name in shown(batch["any_image"], faces)} == set(POSES)
    assert data.fields()["pose"].classes == 4
    assert len(source) == 4 * 2 * 2


def test_images_without_a_ground_truth_are_left_out_and_counted(faces: Path) -> None:
    """Whoever lacks the asked pose is drawn by nobody, and a warning says how many images that were."""
    for mood in MOODS:
        (faces / f"cid_straight_{mood}.png").unlink()
    with pytest.warns(UserWarning, match="6 training images are left out.*pose = 'straight'"):
        source = everything(faces).open()
    assert source.left_out == 6  # type: ignore[attr-defined]
    names = shown(source.batch(0, 0, len(source))["image"], faces)
    assert {parts(name)["person"] for name in names} == {"ann", "dan", "fay"}


def test_pair_flags_tell_the_truth(faces: Path) -> None:
    """``same_<group>`` is 1 exactly where the names of image and partner agree in the group."""
    batch = everything(faces).open().batch(0, 0, 500)
    for place, (image, partner) in enumerate(
        zip(shown(batch["image"], faces), shown(batch["partner"], faces), strict=True)
    ):
        for group in GROUPS:
            assert batch[f"same_{group}"][place] == (parts(image)[group] == parts(partner)[group])


def test_half_the_partners_are_neighbours(faces: Path) -> None:
    """A near partner is the same person in the next or previous pose of the order, in the same mood where there is one.

    The share of samples whose partner the reference allows is the coin's half and what chance adds to it.
    """
    names = [path.name for path in faces.iterdir() if path.name[:3] not in ("ben", "eve")]
    batch = everything(faces).open().batch(1, 0, 4_000)
    allowed, by_chance = [], []
    for image, partner in zip(shown(batch["image"], faces), shown(batch["partner"], faces), strict=True):
        stated = parts(image)
        pose = POSES.index(stated["pose"])
        beside = [POSES[place] for place in (pose - 1, pose + 1) if 0 <= place < len(POSES)]
        candidates = [
            name for name in names if parts(name)["person"] == stated["person"] and parts(name)["pose"] in beside
        ]
        near = best(candidates, image, ("mood",))
        allowed.append(partner in near)
        by_chance.append(len(near) / len(names))
    expected = 0.5 + 0.5 * np.mean(by_chance)
    assert abs(np.mean(allowed) - expected) < 5 * np.sqrt(0.25 / 4_000)


def test_who_has_no_neighbour_gets_anyone(tmp_path: Path) -> None:
    """Where one pose is all that an identity has, the partner is always any image."""
    folder = painted(tmp_path / "lone", [f"{person}_left_glad.png" for person in PEOPLE] + ["zoe_half_sad.png"])
    batch = everything(folder, held_out=0.0, target={}).open().batch(0, 0, 700)
    assert abs(batch["same_person"].mean() - 1 / 7) < 5 * np.sqrt(1 / 7 / 700)


# ----------------------------------------------------------------------------------------------------------- the pixels


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


# ------------------------------------------------------------------------------------------------ files that are wrong


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be enormous."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_unreadable_files_are_counted_and_named(faces: Path) -> None:
    """A text, an empty file, a truncated one, bombs and a link to nowhere: told with reasons, and all others serve."""
    noisy(faces.parent / "whole.png", (64, 64))
    whole = (faces.parent / "whole.png").read_bytes()
    (faces / "ann_left_glad.png").write_text("not an image")
    (faces / "cid_left_glad.png").write_bytes(b"")
    (faces / "dan_left_glad.png").write_bytes(whole[: len(whole) // 2])
    (faces / "fay_left_glad.png").write_bytes(bomb(9_000, 9_000))
    (faces / "fay_right_glad.png").write_bytes(bomb(60_000, 60_000))
    (faces / "fay_half_glad.png").unlink()
    (faces / "fay_half_glad.png").symlink_to("nowhere.png")
    with pytest.warns(UserWarning, match="cannot be read") as caught:
        source = everything(faces).open()
    assert len(caught) == 1
    message = str(caught[0].message)
    assert message.startswith("6 of 46 images cannot be read and are left out: 'ann_left_glad.png' (no PNG")
    assert "9000 x 9000 pixels are more than max_pixels = 64000000" in message
    assert "fay_right" not in message, "the sixth is counted, not named"
    bad = source.unreadable  # type: ignore[attr-defined]
    assert "truncated" in bad["dan_left_glad.png"]
    assert "No such file" in bad["fay_half_glad.png"]
    batch = source.batch(0, 0, len(source))
    names = shown(batch["image"], faces)
    assert len(set(names)) == len(names) == 31 - 6
    for name, pose in zip(names, batch["pose"], strict=True):
        assert parts(name)["pose"] == POSES[pose]
    with pytest.warns(UserWarning, match="6 of 46 images cannot be read"):
        everything(faces).open(held_out=True)


def jpegs(folder: Path, count: int = 24) -> Path:
    """Photographs of noise, and beside the folder their sums, as sha256sum writes them."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (32, 32, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"p{number:02}.jpg", quality=90)
    (folder / "odd\\name.jpg").write_bytes((folder / "p00.jpg").read_bytes())
    (folder / "notes.txt").write_text("no image")
    found = subprocess.run(
        "find . -type f -exec sha256sum {} +", cwd=folder, shell=True, capture_output=True, check=True
    )
    folder.with_suffix(".sha256").write_bytes(found.stdout)
    return folder


def test_sums_change_nothing_where_all_is_sound(tmp_path: Path) -> None:
    """Nor the run's fingerprint: they are no part of what is seen."""
    folder = jpegs(tmp_path / "jpegs")
    without = ImageFolder(folder, size=16).open()
    with_sums = ImageFolder(folder, size=16, sums=tmp_path / "jpegs.sha256").open()
    assert with_sums.fingerprint == without.fingerprint
    assert_equal(with_sums.batch(3, 0, 8), without.batch(3, 0, 8))


def test_a_flipped_bit_is_seen_by_the_sums_and_by_nobody_else(tmp_path: Path) -> None:
    """Every flipped file is named, whether it decodes or not; most do, and without sums train as other pictures."""
    folder = jpegs(tmp_path / "jpegs")
    draw = random.Random(0)
    silent = 0
    for path in sorted(folder.glob("p*.jpg")):
        whole = path.read_bytes()
        flipped = bytearray(whole)
        flipped[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)
        silent += isinstance(decode(path, Form(3, 16, 1.0, 10**6)), np.ndarray)
        with pytest.raises(ValueError, match=rf"of 25 images in .* 1 changed: '{path.name}'\. Please restore"):
            ImageFolder(folder, size=16, sums=tmp_path / "jpegs.sha256").open()
        path.write_bytes(whole)
    assert silent > 24 // 2


def test_what_is_missing_or_has_no_sum_is_named(tmp_path: Path) -> None:
    """An index that covers less than the folder would be one nobody can trust."""
    folder = jpegs(tmp_path / "jpegs")
    (folder / "p07.jpg").rename(folder / "new.jpg")
    with pytest.raises(ValueError, match=r"1 not listed: 'new.jpg'; 1 missing: 'p07.jpg'"):
        ImageFolder(folder, size=16, sums=tmp_path / "jpegs.sha256").open()


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, r"cannot be read .*sha256sum"), ("abc  p00.jpg\n", "line 1 of .* is not as sha256sum writes it")],
)
def test_sums_that_are_none_are_told_with_how_to_write_them(text: str | None, told: str, tmp_path: Path) -> None:
    """The file, the line, and the command."""
    sums = tmp_path / "sums"
    if text is not None:
        sums.write_text(text)
    with pytest.raises(ValueError, match=told):
        ImageFolder(jpegs(tmp_path / "jpegs", 2), size=16, sums=sums).open()


def test_what_was_decoded_from_sound_images_stays_so(tmp_path: Path) -> None:
    """A bit that flips later, without a new time of change, reaches nobody: batches come from the verified cache."""
    folder = jpegs(tmp_path / "jpegs")
    stated = ImageFolder(folder, size=16, sums=tmp_path / "jpegs.sha256")
    before = stated.open().batch(0, 0, 8)
    path = folder / "p03.jpg"
    changed = path.stat()
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    os.utime(path, ns=(changed.st_atime_ns, changed.st_mtime_ns))
    assert_equal(stated.open().batch(0, 0, 8), before)


def test_a_repaired_file_is_read_again(faces: Path) -> None:
    """What is remembered of a file holds only as long as the file stays as it was."""
    name = "ann_left_glad.png"
    (faces / name).write_bytes(b"")
    with pytest.warns(UserWarning, match="1 of 46"):
        everything(faces).open()
    painted(faces, [name])
    source = everything(faces).open()
    assert name in shown(source.batch(0, 0, len(source))["image"], faces)


def test_nothing_readable_is_an_error(tmp_path: Path) -> None:
    """When every file is broken there is nothing to train on, and the message names some with their reasons."""
    for number in range(7):
        (tmp_path / f"{number}.png").write_bytes(b"")
    with pytest.raises(
        ValueError, match=r"folder: none of the 7 images .*'0.png' \(no PNG.*'4.png'.*name another folder"
    ) as caught:
        ImageFolder(tmp_path).open()
    assert "5.png" not in str(caught.value)


def test_a_strip_of_one_pixel_does_not_fill_the_memory(tmp_path: Path) -> None:
    """Resizing the shorter side of 1 x 200,000 px to 64 first would need 150 GB."""
    Image.new("RGB", (200_000, 1), (10, 20, 30)).save(tmp_path / "a.png")
    assert (only(tmp_path, size=64) == (10, 20, 30)).all()


def test_what_is_listed(tmp_path: Path) -> None:
    """Images of subfolders and linked files are; hidden ones, linked folders, pipes and other files are not."""
    folder = painted(tmp_path / "in", ["b.png", "sub/a.PNG", "sub/deep/c.png", ".hidden.png", ".git/d.png"])
    painted(tmp_path / "out", ["e.png"])
    (folder / "notes.txt").write_text("")
    (folder / "link.png").symlink_to(tmp_path / "out/e.png")
    (folder / "loop").symlink_to(folder)
    (folder / "folder.png").mkdir()
    os.mkfifo(folder / "pipe.png")
    source = ImageFolder(folder, size=8, held_out=0.0).open()
    assert source._names == ("b.png", "link.png", "sub/a.PNG", "sub/deep/c.png")  # type: ignore[attr-defined]


def test_fields_decode_nothing(tmp_path: Path) -> None:
    """They are told from names alone, of files that are no images, without numpy, Pillow or torch being imported."""
    for person, pose in itertools.product(PEOPLE, POSES):
        (tmp_path / f"{person}_{pose}_sad.png").write_bytes(b"no image")
    code = (
        "import sys; from pathlib import Path; from gan_recipe_plugins.image_folder import ImageFolder; "
        f"data = ImageFolder(Path({str(tmp_path)!r}), pattern={PATTERN!r}, identity='person', "
        "target={'pose': 'half'}); "
        "assert data.fields()['pose'].classes == 4; "
        "assert not {'numpy', 'PIL', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ----------------------------------------------------------------------------------------------------------- the cache


def test_a_cache_hit_equals_a_fresh_decode(faces: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second opening decodes nothing and yields the same; so does one after the cache is deleted."""
    from gan_recipe_plugins._image_folder import source as opened

    fresh = everything(faces).open().batch(0, 0, 64)

    def forbidden(*_: object) -> NoReturn:
        raise AssertionError("decoded although cached")

    with monkeypatch.context() as patched:
        patched.setattr(opened, "decoded", forbidden)
        assert_equal(fresh, everything(faces).open().batch(0, 0, 64))
        everything(faces).open(held_out=True)
    for path in (cache / "image_folder").iterdir():
        path.unlink()
    assert_equal(fresh, everything(faces).open().batch(0, 0, 64))


def test_one_wrong_byte_is_detected_and_made_again(faces: Path, cache: Path) -> None:
    """A byte that changed on the disk never reaches a batch: the array is made again, with a warning."""
    fresh = everything(faces).open().batch(0, 0, 64)
    (array,) = (cache / "image_folder").glob("*.array")
    for place in (0, array.stat().st_size // 2, array.stat().st_size - 1):
        content = bytearray(array.read_bytes())
        content[place] ^= 1
        array.write_bytes(content)
        with pytest.warns(UserWarning, match="does not match its checksum and is made again"):
            source = everything(faces).open()
        assert_equal(fresh, source.batch(0, 0, 64))


@pytest.mark.parametrize("spoiled", [b"", b"{", b"[]", b"null", b'{"rows": "x", "sha256": 1, "notes": {}}', b"\xff"])
def test_a_spoiled_statement_is_made_again(faces: Path, cache: Path, spoiled: bytes) -> None:
    """The small file beside the array may hold anything; then the array is made again."""
    fresh = everything(faces).open().batch(0, 0, 9)
    (statement,) = (cache / "image_folder").glob("*.json")
    statement.write_bytes(spoiled)
    with pytest.warns(UserWarning, match="made again"):
        assert_equal(fresh, everything(faces).open().batch(0, 0, 9))


def test_two_runs_that_start_at_once_decode_once(faces: Path, cache: Path) -> None:
    """While one process makes the array the other waits, and both see the same."""
    import fcntl

    everything(faces).open()
    (array,) = (cache / "image_folder").glob("*.array")
    array.unlink()
    array.with_suffix(".json").unlink()
    code = f"""
import sys
from pathlib import Path
from gan_recipe_plugins._image_folder import source
from gan_recipe_plugins.image_folder import ImageFolder
decoded = source.decoded
source.decoded = lambda *given: print("decoding", flush=True) or decoded(*given)
data = ImageFolder(Path({str(faces)!r}), size=8, pattern={PATTERN!r}, identity="person", order={ORDER!r},
    held_out=("ben", "eve"), target={{"pose": "straight"}}, pairs=True, pair_near="pose", any_image=True)
print("ready", flush=True)
print(data.open().fingerprint)
"""
    with array.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runs = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
        for run in runs:
            assert run.stdout is not None and run.stdout.readline() == "ready\n"
    told = "".join(run.communicate(timeout=60)[0] for run in runs).split()
    assert told.count("decoding") == 1
    assert told.count(everything(faces).open().fingerprint) == 2


def test_a_killed_writer_leaves_nothing_half_served(tmp_path: Path) -> None:
    """A process that dies while it makes the array holds up nobody, and nobody reads what it left."""
    path = tmp_path / "store" / "a.array"
    row = np.arange(6, dtype=np.uint8).reshape(2, 3)

    def dying(append: Append) -> NoReturn:
        for _ in range(10_000):
            append(row + 100)
        os._exit(9)

    child = os.fork()
    if not child:
        try:
            stored_array(path, (2, 3), dying)
        finally:
            os._exit(1)  # whatever happens, the copy must not go on as a second run of the tests
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert path.with_suffix(".part").exists()

    def make(append: Append) -> dict[str, int]:
        append(row)
        return {"made": 1}

    stored = stored_array(path, (2, 3), make)
    np.testing.assert_array_equal(stored.rows, row[None])
    assert stored.notes == {"made": 1}
    assert not path.with_suffix(".part").exists()
    assert not stored.rows.flags.writeable


def test_a_maker_that_fails_stores_nothing(tmp_path: Path) -> None:
    """Its error comes through, and the next one starts afresh."""

    def failing(append: Append) -> NoReturn:
        append(np.zeros(4, np.uint8))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        stored_array(tmp_path / "a.array", (4,), failing)
    assert [path.name for path in tmp_path.iterdir()] == ["a.lock"]


def test_a_cache_that_cannot_be_written_is_told_with_its_cure(tmp_path: Path) -> None:
    """The message says which folder and which variable chooses another."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"file.* cannot be written.*GAN_RECIPE_CACHE"):
        stored_array(tmp_path / "file" / "a.array", (1,), lambda append: {})


# ---------------------------------------------------------------------------------------------------- wrong settings


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ({"size": 0}, ("size is 0", "from 1 to 4096")),
        ({"max_pixels": 10**9}, ("max_pixels is 1000000000", "from 1 to 89478485")),
        ({"resize": 4}, ("resize = 4 is smaller than size = 8", "at least size")),
        ({"crop": "random"}, ('crop = "random"', "resize above size = 8")),
        ({"pattern": "(?P<a"}, ("pattern '(?P<a'", "no regular expression", "missing >", "single quotes")),
        ({"pattern": r"\w+\.png"}, ("names no group", "(?P<person>[^_]+)")),
        ({"pattern": r"(?P<image>.*)"}, ("pattern", "'image'", "another field", "otherwise")),
        ({"pattern": r"(?P<same_x>.*)"}, ("pattern", "'same_x'", "another field")),
        ({"pattern": ""}, ("identity", "'person'", "state a pattern")),
        ({"preset": "multi_pie"}, ("preset", "not both")),
        ({"identity": "persn"}, ("identity", "'persn'", "Did you mean 'person'?")),
        ({"pair_near": "pos"}, ("pair_near", "'pos'", "Did you mean 'pose'?")),
        ({"target": {"poze": "left"}}, ("target", "'poze'", "Did you mean 'pose'?")),
        ({"inputs": {"moods": ("sad",)}}, ("inputs", "'moods'", "Did you mean 'mood'?")),
        ({"order": {"light": ("1",)}}, ("order", "'light'", "Known: 'mood', 'person', 'pose'")),
        ({"target": {"person": "ann"}}, ("target.person", "same identity", "leave that out")),
        ({"order": {"person": PEOPLE}}, ("order.person", "leave that out")),
        ({"order": {"pose": (*POSES, "left")}}, ("order.pose", "'left'", "more than once")),
        ({"identity": "", "held_out": 0.1, "pairs": False}, ("target", "same identity", "state identity")),
        ({"identity": "", "held_out": 0.1, "target": {}}, ("pairs", "same identity", "state identity")),
        ({"identity": "", "target": {}, "pairs": False}, ("held_out lists identities", "state identity, or a share")),
        ({"pair_near": ""}, ("pairs needs pair_near", "'pose', 'mood'")),
        ({"pair_near": "person"}, ("pairs needs pair_near", "'pose', 'mood'")),
        ({"held_out": 1.0}, ("held_out is 1.0", "a share from 0")),
        ({"held_out": float("nan")}, ("held_out is nan", "a share from 0")),
        # from here on the names of the files decide
        ({"target": {"pose": "strait"}}, ("target.pose", "'strait'", "Did you mean 'straight'?")),
        ({"inputs": {"mood": ("glad", "sat")}}, ("inputs.mood", "'sat'", "Did you mean 'sad'?")),
        ({"order": {"pose": ("left", "half", "straight")}}, ("order.pose lacks 'right'", "add what is missing")),
        ({"held_out": ("anne",)}, ("held_out", "'anne'", "Did you mean 'ann'?")),
        ({"held_out": PEOPLE}, ("held_out", "none is left to train on", "name fewer")),
        (
            {"pattern": r"(?P<person>\d+)_(?P<pose>.)_(?P<mood>.)"},
            ("pattern", "46 images", "'ann_half_glad.png', 'ann_half_sad.png'"),
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_cure(faces: Path, stated: dict[str, Any], words: tuple[str, ...]) -> None:
    """The message is a plain sentence with the setting, what is wrong and what to do, from the class or ``fields``."""
    with pytest.raises(ValueError) as caught:
        everything(faces, **stated).fields()
    for word in words:
        assert word in str(caught.value)


def test_a_wrong_folder_is_told_with_its_cure(faces: Path, tmp_path: Path) -> None:
    """Missing (with the nearest beside it), a file, or without images: each from both ``fields`` and ``open``."""
    (tmp_path / "empty" / ".hidden").mkdir(parents=True)
    (tmp_path / "file.png").write_text("")
    cases = {
        "face": ("folder: there is no folder", "create it, or name", "Did you mean 'faces'?"),
        "file.png": ("folder:", "is a file", "name the folder"),
        "empty": ("folder:", "holds no images (png, jpg, jpeg, webp, bmp)", "put the photographs there"),
    }
    for name, words in cases.items():
        for asked in (ImageFolder(tmp_path / name).fields, ImageFolder(tmp_path / name).open):
            with pytest.raises(ValueError) as caught:
                asked()
            for word in words:
                assert word in str(caught.value)


def test_a_ground_truth_that_nobody_has_is_an_error(faces: Path) -> None:
    """The pose and the mood each occur, but in no one image of a training person: ``fields`` says so already."""
    for person in ("ann", "cid", "dan", "fay"):
        (faces / f"{person}_straight_sad.png").unlink(missing_ok=True)
    with pytest.raises(
        ValueError, match=r"target: none of the 28 training images .* pose = 'straight', mood = 'sad'; ask"
    ):
        everything(faces, target={"pose": "straight", "mood": "sad"}).fields()


def test_opening_what_is_not_held_out_is_an_error(faces: Path) -> None:
    """It says how to hold something out."""
    with pytest.raises(ValueError, match="held_out: nothing is held out; state a share above 0"):
        everything(faces, held_out=0.0).open(held_out=True)


@pytest.mark.parametrize(("position", "size"), [(-1, 4), (0, 0)])
def test_no_batch_before_the_first_or_without_samples(faces: Path, position: int, size: int) -> None:
    """Such a question is a caller's mistake and is told so."""
    with pytest.raises(ValueError, match=f"no batch {position} of {size} samples"):
        everything(faces).open().batch(0, position, size)


# ------------------------------------------------------------------------------------------------- real photographs


@pytest.fixture
def photographs() -> Iterator[Path]:
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("needs the photographs of ../shared/data/cmu_faces, which are not part of the repository")
    yield PHOTOGRAPHS


def test_real_photographs_make_pairs(photographs: Path) -> None:
    """Left, right or up in, the same person looking forward out, in the same mood and glasses where such one exists."""
    data = ImageFolder(
        photographs,
        channels=1,
        pattern=r"(?P<person>[^_]+)_(?P<pose>[^_]+)_(?P<expression>[^_]+)_(?P<eyes>[^_]+)\.png",
        identity="person",
        held_out=0.2,
        inputs={"pose": ("left", "right", "up")},
        target={"pose": "forward"},
    )
    assert data.fields()["person"].classes == 16
    sources = data.open(), data.open(held_out=True)
    assert sum(map(len, sources)) == 624 - 156
    for source in sources:
        assert source.left_out == 0  # type: ignore[attr-defined]
        batch = source.batch(0, 0, len(source))
        assert (batch["person"] == batch["target_person"]).all()
        assert set(batch["target_pose"].tolist()) == {0}
        assert 0 not in batch["pose"]
        # 4 of the 160 forward images are missing, so that at most 12 images have to do with another one.
        other = (batch["expression"] != batch["target_expression"]) | (batch["eyes"] != batch["target_eyes"])
        assert other.sum() <= 12
