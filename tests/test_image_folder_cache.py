"""The cache of decoded photographs: equal, checked, made once, and never half."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from painted_faces import ORDER, PATTERN, assert_equal, everything

from gan_recipe_plugins._array_store import Append, stored_array

pytestmark = pytest.mark.usefixtures("cache")


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
