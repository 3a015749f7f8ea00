"""The embedded faces: what the fields promise, what the pictures show, and a store that never lies."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np
import pytest

from gan_recipe_plugins._faces import store as store_module
from gan_recipe_plugins._faces.contact_sheet import contact_sheet
from gan_recipe_plugins._faces.genes import draw
from gan_recipe_plugins._faces.portrait import Portrait, portrait, render
from gan_recipe_plugins._faces.room import FLASHES, FRONTAL, STANDARD, YAWS
from gan_recipe_plugins.synthetic_faces import SyntheticFaces

PEOPLE, HELD_OUT = 5, 3
SMALL = SyntheticFaces(identities=PEOPLE, held_out=HELD_OUT)
RANDOM = attrs.evolve(SMALL, target_pose="random", target_light="random")
LABELS = ("identity", "pose", "light", "target_pose", "target_light", "same_identity", "same_pose", "same_light")

Batch = dict[str, np.ndarray]


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One cache for the tests that leave it whole."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GAN_RECIPE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="module")
def people() -> list[Portrait]:
    """The training people, rendered without any store."""
    return [portrait(0, 0, number, 64) for number in range(PEOPLE)]


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for a test that harms it."""
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(tmp_path))
    return tmp_path


def as_bytes(images: np.ndarray) -> np.ndarray:
    """Images in [-1, 1] back to the bytes that they were."""
    return np.round((images + 1) * 127.5).astype(np.uint8)


def equal(one: Batch, other: Batch) -> bool:
    return list(one) == list(other) and all(np.array_equal(one[name], other[name]) for name in one)


# ------------------------------------------------------------------------------------------------------------- fields


@pytest.mark.parametrize("only", [(), ("contour",), ("same_light", "image", "target_light_code"), ("pose",)])
@pytest.mark.parametrize("held_out", [False, True])
def test_a_batch_holds_exactly_the_declared_fields(only: tuple[str, ...], held_out: bool) -> None:
    """Names and order, shapes, dtypes and the range of labels are what ``fields()`` said; all numbers are finite."""
    data = attrs.evolve(SMALL, only=only)
    batch = data.open(held_out=held_out).batch(3, 1, 4)
    assert list(batch) == list(data.fields())
    for name, field in data.fields().items():
        assert batch[name].shape == (4, *field.shape), name
        assert batch[name].dtype == field.dtype, name
        assert np.isfinite(batch[name]).all(), name
        if field.classes is not None:
            assert ((batch[name] >= 0) & (batch[name] < field.classes)).all(), name


def test_images_use_their_range_and_never_leave_it() -> None:
    """Images lie in [-1, 1] and are neither flat nor nearly so."""
    batch = SMALL.open().batch(0, 0, 32)
    for name, field in SMALL.fields().items():
        if field.shape[:1] == (3,) and len(field.shape) == 3:
            assert batch[name].min() >= -1 and batch[name].max() <= 1
            assert (batch[name].std((1, 2, 3)) > 0.1).all()


def test_leaving_fields_out_changes_nothing_else() -> None:
    """A field is the same whatever others are asked for, by the setting or by the call, and comes alone."""
    source = RANDOM.open()
    whole = source.batch(4, 2, 6)
    for name in RANDOM.fields():
        alone = attrs.evolve(RANDOM, only=(name,)).open().batch(4, 2, 6)
        assert list(alone) == [name]
        assert np.array_equal(alone[name], whole[name]), name
        called = source.batch(4, 2, 6, [name])
        assert list(called) == [name] and np.array_equal(called[name], whole[name]), name


def test_declaring_the_fields_imports_neither_numpy_nor_torch() -> None:
    """``list``, ``show`` and ``check`` ask for fields and must not pay for arrays."""
    code = (
        "import sys; from gan_recipe_plugins.synthetic_faces import SyntheticFaces as S; S().fields();"
        "sys.exit(bool({'numpy', 'torch', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=environment()).returncode == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("size", 8),
        ("size", 72),
        ("size", 272),
        ("identities", 0),
        ("held_out", 0),
        ("seed", -1),
        ("standard_light", 20),
        ("standard_light", -1),
        ("contour_weight", 0.0),
        ("contour_weight", float("nan")),
        ("contour_weight", float("inf")),
        ("only", ("image", "imgae")),
    ],
)
def test_a_setting_out_of_range_is_named(setting: str, value: object) -> None:
    """The message names the setting, its value and what was expected."""
    with pytest.raises(ValueError, match=f"{setting}.*expected") as error:
        attrs.evolve(SMALL, **{setting: value})
    assert str(value if setting != "only" else "imgae") in str(error.value)


def test_the_fingerprint_changes_with_every_setting() -> None:
    """Sources that may differ in any sample differ in the fingerprint; equal ones agree."""
    changes = {
        "size": 80, "identities": 6, "held_out": 4, "seed": 1, "standard_light": 3, "target_pose": "same",
        "target_light": "same", "contour_weight": 2.0, "only": ("image",),
    }  # fmt: skip
    assert set(changes) == {field.name for field in attrs.fields(SyntheticFaces)}
    sources = [attrs.evolve(SMALL, **{name: value}).open() for name, value in changes.items()]
    prints = [source.fingerprint for source in [SMALL.open(), SMALL.open(held_out=True), *sources]]
    assert len(set(prints)) == len(prints)
    assert SMALL.open().fingerprint == prints[0]


# ------------------------------------------------------------------------------------------------------------- stream


@pytest.mark.parametrize("held_out", [False, True])
def test_a_stream_does_not_depend_on_how_it_is_cut(held_out: bool) -> None:
    """Sample n is the same in batches of 12, 4 and 1, and in any order of asking."""
    source = RANDOM.open(held_out=held_out)
    whole = source.batch(9, 1, 12)
    for size in (4, 1):
        parts = {k: source.batch(9, k, size) for k in reversed(range(12 // size, 24 // size))}
        joined = {name: np.concatenate([parts[k][name] for k in sorted(parts)]) for name in whole}
        assert equal(joined, whole)


def test_another_seed_or_position_is_another_batch() -> None:
    """Seed and position matter, also beyond 32 bits; the seed of the population keys the stream too."""
    labels = attrs.evolve(RANDOM, only=LABELS, identities=1000)
    source = labels.open()
    batches = [source.batch(*where, 32) for where in ((0, 0), (1, 0), (0, 1), (2**40, 0), (0, 2**40))]
    batches.append(attrs.evolve(labels, seed=1).open().batch(0, 0, 32))
    assert len({batch["identity"].tobytes() for batch in batches}) == len(batches)


def test_training_draws_everything_evenly() -> None:
    """Over 18,000 samples every person, pose and light comes within 5 standard deviations of its share."""
    batch = attrs.evolve(RANDOM, only=LABELS).open().batch(5, 0, 18_000)
    for name, classes in (("identity", PEOPLE), ("pose", 9), ("light", 20), ("target_pose", 9), ("target_light", 20)):
        counts = np.bincount(batch[name], minlength=classes)
        spread = np.sqrt(18_000 / classes * (1 - 1 / classes))
        assert np.abs(counts - 18_000 / classes).max() < 5 * spread, name


def test_held_out_people_come_in_turn() -> None:
    """Sample n shows person n modulo their number, at poses and lights that the seed decides."""
    source = attrs.evolve(SMALL, only=LABELS).open(held_out=True)
    one, other = source.batch(0, 2, 10), source.batch(1, 2, 10)
    assert one["identity"].tolist() == [n % HELD_OUT for n in range(20, 30)] == other["identity"].tolist()
    assert one["pose"].tolist() != other["pose"].tolist()
    assert len(source) == HELD_OUT * 9 * 20


# -------------------------------------------------------------------------------------------------------------- labels


def test_labels_tell_the_truth(people: list[Portrait]) -> None:
    """Every picture equals what the renderer makes for its labels."""
    batch = RANDOM.open().batch(1, 0, 24)
    for i in range(24):
        person = people[batch["identity"][i]]
        pose, light = batch["pose"][i], batch["light"][i]
        to_pose, to_light = batch["target_pose"][i], batch["target_light"][i]
        assert np.array_equal(as_bytes(batch["image"][i]), person.images[pose, light])
        assert np.array_equal(as_bytes(batch["target"][i]), person.images[to_pose, to_light])
        assert np.array_equal(as_bytes(batch["same_light_frontal"][i]), person.images[FRONTAL, light])
        assert np.array_equal(batch["contour"][i, 0], np.where(person.contours[to_pose], 20, 1))
        assert batch["target_pose_code"][i].tolist() == [float(k == to_pose) for k in range(9)]
        assert batch["target_light_code"][i].tolist() == [float(k == to_light) for k in range(20)]


def test_targets_are_where_the_settings_say() -> None:
    """Frontal and standard, or the input's own; ``standard_light`` moves the standard."""
    batch = attrs.evolve(SMALL, standard_light=11, only=LABELS).open().batch(0, 0, 50)
    assert set(batch["target_pose"]) == {FRONTAL} and set(batch["target_light"]) == {11}
    batch = attrs.evolve(SMALL, target_pose="same", target_light="same").open().batch(0, 0, 8)
    assert np.array_equal(batch["target_pose"], batch["pose"])
    assert np.array_equal(batch["target_light"], batch["light"])
    assert np.array_equal(batch["target"], batch["image"])


def test_partners_are_pairs_half_of_the_time(people: list[Portrait]) -> None:
    """Half of the partners show the same person and light one camera further; the flags say what they show."""
    where = {
        person.images[pose, light].tobytes(): (number, pose, light)
        for number, person in enumerate(people) for pose in range(9) for light in range(20)
    }  # fmt: skip
    batch = SMALL.open().batch(2, 0, 400)
    pairs = 0
    for i in range(400):
        own = (batch["identity"][i], batch["pose"][i], batch["light"][i])
        partner = where[as_bytes(batch["partner"][i]).tobytes()]
        flags = (batch["same_identity"][i], batch["same_pose"][i], batch["same_light"][i])
        assert flags == tuple(float(a == b) for a, b in zip(own, partner, strict=True))
        pairs += own[0] == partner[0] and own[2] == partner[2] and abs(own[1] - partner[1]) == 1
        assert as_bytes(batch["any_image"][i]).tobytes() in where
    # 200 expected; chance makes a neighbour of one in about 500 of the others.
    assert 150 < pairs < 250


# ------------------------------------------------------------------------------------------------------------ pictures


def test_every_person_pose_and_light_looks_different(people: list[Portrait]) -> None:
    """No two images of any two people are equal, and rendering again gives the same bytes."""
    images = np.concatenate([person.images.reshape(-1, 3 * 64 * 64) for person in people])
    assert len({image.tobytes() for image in images}) == PEOPLE * 180
    again = portrait(0, 0, 1, 64)
    assert np.array_equal(again.images, people[1].images) and np.array_equal(again.contours, people[1].contours)


def test_people_differ_more_than_lights_hide() -> None:
    """The nearest other person's standard portrait is at least 8 grey levels away on average over 40 people.

    Held-out people are among them: they are other people than those of training.
    """
    faces = [portrait(0, part, number, 64).images[FRONTAL, STANDARD] for part in (0, 1) for number in range(20)]
    flat = np.stack(faces).reshape(40, -1).astype(np.float32)
    distance = np.array([np.abs(flat - one).mean(1) for one in flat]) + 1e9 * np.eye(40)
    assert distance.min(1).mean() > 8
    assert distance.min() > 2


def test_a_mirrored_camera_and_flash_see_a_mirrored_face() -> None:
    """A symmetric person from the left, lit from the left, is the mirror image of the right: to 2 levels of 255."""
    lattice = draw(0, 0, 1).lattice
    genes = attrs.evolve(
        draw(0, 0, 1), crooked=0.0, fringe=0.0, hair_style="buzz", glasses="none", lattice=np.zeros_like(lattice)
    )
    images = render(genes, 64).images.astype(np.float32)
    mirrored_flash = [FLASHES.index((-flash[0], flash[1])) if flash else i for i, flash in enumerate(FLASHES)]
    mirror = images[::-1, mirrored_flash, ..., ::-1]
    assert np.abs(images - mirror).mean() < 2
    assert np.abs(images - mirror[::-1]).mean() > 10


def test_flashes_and_cameras_stand_on_the_side_that_they_claim(people: list[Portrait]) -> None:
    """A flash from the right brightens the right of a frontal face, and the face that a camera on the right sees."""
    left, right = FLASHES.index((-88, 8)), FLASHES.index((88, 8))
    for person in people:
        frontal = person.images[FRONTAL].astype(np.float32)
        face = np.s_[:, 24:44, 18:46]
        toward = frontal[right][face] - frontal[left][face]
        assert toward[..., 16:].mean() > 10 and toward[..., :12].mean() < -10
        from_right = person.images[-1].astype(np.float32)
        assert from_right[right][face].mean() > from_right[left][face].mean() + 10


def test_lights_are_told_apart_at_a_glance(people: list[Portrait]) -> None:
    """Any two lights change the frontal face of everybody by at least 2.5 grey levels on average over the picture."""
    for person in people:
        faces = person.images[FRONTAL].reshape(20, -1).astype(np.float32)
        distance = np.array([np.abs(faces - one).mean(1) for one in faces]) + 1e9 * np.eye(20)
        assert distance.min() > 2.5


def test_the_contour_follows_the_silhouette(people: list[Portrait]) -> None:
    """Above the shoulders the band holds every outline pixel and nothing further than its width from one.

    The reference needs no geometry: a person is where a picture differs from the wall, which is the same in all.
    """
    wall = people[0].images[FRONTAL, STANDARD, :, :, :1].astype(int)
    for person in people:
        for pose in range(len(YAWS)):
            there = (np.abs(person.images[pose].astype(int) - wall) > 6).any((0, 1))[:32]
            solid = np.zeros_like(there)
            for row, line in enumerate(there):
                if line.any():
                    solid[row, np.flatnonzero(line)[0] : np.flatnonzero(line)[-1] + 1] = True
            band = person.contours[pose][:32].astype(bool)
            inner, outer = solid.copy(), solid.copy()
            for axis, step in ((0, 1), (0, -1), (1, 1), (1, -1)):
                inner &= np.roll(solid, step, axis)
            outline = (solid & ~inner)[1:-1]
            assert band[1:-1][outline].mean() > 0.95
            for _ in range(4):
                outer |= sum((np.roll(outer, step, axis) for axis in (0, 1) for step in (1, -1)), start=outer)
                inner &= np.logical_and.reduce([np.roll(inner, step, axis) for axis in (0, 1) for step in (1, -1)])
            assert not (band & ~outer)[1:-1].any()
            assert (band & inner)[4:-4].mean() < 0.01


@pytest.mark.parametrize("size", [16, 32, 48, 80, 128])
def test_sizes_show_the_same_people(size: int) -> None:
    """A larger picture, averaged down, is the small one but for detail: within 4 grey levels on average."""
    large = portrait(0, 0, 2, size).images[:, STANDARD].astype(np.float32)
    small = portrait(0, 0, 2, 64).images[:, STANDARD].astype(np.float32)
    # Averages over cells of a 16 x 16 grid, which all these sizes share.
    cells = [image.reshape(9, 3, 16, -1, 16, image.shape[-1] // 16).mean((3, 5)) for image in (large, small)]
    assert np.abs(cells[0] - cells[1]).mean() < 4


def test_a_contact_sheet_lays_out_people_and_views(people: list[Portrait]) -> None:
    """Views stand side by side, people in columns, and the rest of the last row is black."""
    views = ((0, 3), (FRONTAL, STANDARD))
    sheet = contact_sheet(range(3), views, columns=2)
    assert sheet.shape == (128, 256, 3)
    assert np.array_equal(sheet[64:, 64:128].transpose(2, 0, 1), people[2].images[views[1]])
    assert not sheet[64:, 128:].any()
    with pytest.raises(ValueError, match="expected at least one"):
        contact_sheet(())


# --------------------------------------------------------------------------------------------------------------- store

TELL = """
import hashlib, logging, sys
from gan_recipe_plugins.synthetic_faces import SyntheticFaces
source = SyntheticFaces(identities={people}, held_out=3).open()
print("open", flush=True)
sys.stdin.readline()
for position in {order}:
    batch = source.batch(7, position, 4)
    print(position, hashlib.sha256(b"".join(v.tobytes() for v in batch.values())).hexdigest(), flush=True)
"""


def environment(**changes: str) -> dict[str, str]:
    """This process's environment, with its import path, for a process of its own."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **changes}


def start(cache: Path, *, people: int, order: list[int]) -> subprocess.Popen[str]:
    """A process that opens the faces, waits for a line, and prints a digest of each batch."""
    code = TELL.format(people=people, order=order)
    process = subprocess.Popen(
        [sys.executable, "-c", code], env=environment(GAN_RECIPE_CACHE=str(cache)), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None and process.stdout.readline() == "open\n"
    return process


def digests(people: int, positions: int) -> list[str]:
    """What the processes must print, sorted, from this process's cache."""
    source = attrs.evolve(SMALL, identities=people).open()
    told = []
    for position in range(positions):
        batch = source.batch(7, position, 4)
        told.append(f"{position} {hashlib.sha256(b''.join(v.tobytes() for v in batch.values())).hexdigest()}")
    return told


def test_two_processes_that_start_at_once_share_a_store(tmp_path: Path) -> None:
    """Both get the bytes that a third process rendered alone, in whichever order they ask, and leave one store."""
    runs = [start(tmp_path, people=PEOPLE, order=order) for order in ([0, 1, 2], [2, 1, 0])]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write("\n")
        run.stdin.flush()
    for run in runs:
        out, _ = run.communicate(timeout=60)
        assert run.returncode == 0
        assert sorted(out.splitlines()) == digests(PEOPLE, 3)
    assert len(list(tmp_path.rglob("*.images"))) == 1


def test_a_killed_writer_leaves_a_store_that_is_resumed(own_cache: Path) -> None:
    """Killed while it renders, a run leaves whole people or none: the next one keeps those and renders the rest."""
    everyone = 24
    run = start(own_cache, people=everyone, order=list(range(12)))
    assert run.stdin is not None
    run.stdin.write("\n")
    run.stdin.flush()
    (state,) = own_cache.rglob("*.state")
    deadline = time.monotonic() + 30
    while not np.fromfile(state, store_module._STATE)["kept"].sum():
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.005)
    run.send_signal(signal.SIGKILL)
    run.wait()
    kept = np.fromfile(state, store_module._STATE)["kept"].astype(bool)
    assert 0 < kept.sum() < everyone
    store = store_module.Store(state.parent, seed=0, part=0, size=64, count=everyone)
    store.need(np.arange(everyone))
    for number in (int(np.flatnonzero(kept)[0]), *np.flatnonzero(~kept)[:2].tolist()):
        assert np.array_equal(store.images[number], portrait(0, 0, number, 64).images)


def test_a_half_written_person_is_never_served(own_cache: Path) -> None:
    """Pixels without a checksum, as a writer killed in the middle leaves them, are rendered again."""
    folder = own_cache / "synthetic_faces"
    store_module.Store(folder, seed=0, part=0, size=64, count=2)
    (images,) = own_cache.rglob("*.images")
    with images.open("r+b") as file:
        file.write(b"\x7f" * 100_000)
    store = store_module.Store(folder, seed=0, part=0, size=64, count=2)
    store.need(np.array([0]))
    assert np.array_equal(store.images[0], portrait(0, 0, 0, 64).images)


@pytest.mark.parametrize("place", [0, 1_000_000, -1])
def test_a_damaged_byte_is_found_and_made_good(own_cache: Path, place: int, caplog: pytest.LogCaptureFixture) -> None:
    """One flipped byte anywhere in a person's pixels costs a warning and a rendering, never a wrong batch."""
    two = attrs.evolve(SMALL, identities=2)
    before = two.open().batch(0, 0, 6)
    (images,) = own_cache.rglob("*training.images")
    content = bytearray(images.read_bytes())
    content[place] ^= 0x10
    images.write_bytes(bytes(content))
    with caplog.at_level(logging.WARNING):
        assert equal(two.open().batch(0, 0, 6), before)
    assert sum("damaged" in record.message for record in caplog.records) == 1
    caplog.clear()
    assert equal(two.open().batch(0, 0, 6), before) and not caplog.records


@pytest.mark.parametrize("ending", ["images", "state", "lock"])
def test_a_store_that_lost_a_file_is_made_whole(own_cache: Path, ending: str) -> None:
    """Whichever file goes missing or is cut short, batches stay the same."""
    before = SMALL.open().batch(0, 0, 3)
    (file,) = own_cache.rglob(f"*training.{ending}")
    file.write_bytes(file.read_bytes()[:5])
    assert equal(SMALL.open().batch(0, 0, 3), before)
    file.unlink()
    assert equal(SMALL.open().batch(0, 0, 3), before)


def test_people_are_rendered_once_and_only_when_needed(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening renders nobody, a batch whom it shows, labels nobody; more people share a smaller store."""
    rendered: list[int] = []

    def counted(seed: int, part: int, number: int, size: int) -> Portrait:
        rendered.append(number)
        return portrait(seed, part, number, size)

    monkeypatch.setattr(store_module, "portrait", counted)
    attrs.evolve(SMALL, only=LABELS).open().batch(0, 0, 100)
    shown = attrs.evolve(SMALL, only=("image", "identity"))
    source = shown.open()
    assert rendered == []
    batch = source.batch(0, 0, 3)
    assert sorted(rendered) == sorted(set(batch["identity"].tolist()))
    source.batch(0, 0, 3)
    shown.open().batch(0, 0, 3)
    assert len(rendered) == len(set(rendered)) <= 3
    more = attrs.evolve(shown, identities=PEOPLE + 2).open().batch(0, 0, 40)
    assert sorted(rendered) == sorted(set(more["identity"].tolist()) | set(batch["identity"].tolist()))


def test_a_full_disk_is_said_plainly(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the file and the cure, and the next attempt succeeds once there is room."""
    source = SMALL.open()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", full)
        with pytest.raises(OSError, match=r"no space left.*GAN_RECIPE_CACHE"):
            source.batch(0, 0, 2)
    assert source.batch(0, 0, 2)["image"].shape == (2, 3, 64, 64)
