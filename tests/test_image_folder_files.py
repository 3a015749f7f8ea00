"""Files of a folder of photographs that are wrong, and sums that tell it."""

from __future__ import annotations

import itertools
import os
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from painted_faces import PATTERN, PEOPLE, POSES, assert_equal, everything, noisy, only, painted, parts, shown
from PIL import Image

from gan_recipe_plugins._image_folder.decoding import Form, decode
from gan_recipe_plugins.image_folder import ImageFolder

pytestmark = pytest.mark.usefixtures("cache")


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
