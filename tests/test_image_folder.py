"""What a folder of photographs yields: the stream, its labels and parts, and who is whose ground truth and partner."""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from painted_faces import GROUPS, MOODS, PEOPLE, PHOTOGRAPHS, POSES, assert_equal, everything, painted, parts, shown
from PIL import Image

from gan_recipe_plugins.image_folder import ImageFolder

# -------------------------------------------------------------------------------------------------------- the stream

pytestmark = pytest.mark.usefixtures("cache")


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
