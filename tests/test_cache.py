"""What is kept because making it again takes time: told, emptied on purpose, and swept of what killed writers left."""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Done
from numpy.typing import NDArray

from gan_recipe.cache import cached, empty_cache
from gan_recipe_plugins._array_store import Append, stored_array
from gan_recipe_plugins.synthetic_faces import SyntheticFaces

FACES = SyntheticFaces(size=16, identities=3, held_out=1)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("GAN_RECIPE_CACHE", str(folder))
    return folder


def array(folder: Path, name: str, size: int = 40_000) -> Path:
    """An array of the store, made."""
    path = folder / "arrays" / f"{name}.array"

    def make(append: Append) -> dict[str, int]:
        append(np.zeros(size, np.uint8))
        return {}

    stored_array(path, (size,), make)
    return path


def pictures(batch: dict[str, NDArray[np.float32]]) -> NDArray[np.float32]:
    return batch["image"]


def test_the_cache_is_told_and_emptied_when_one_says_yes(
    cache: Path, gan_recipe: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every folder with its size; without a yes, nothing is removed."""
    assert "cache: 0 B" in gan_recipe("cache").out
    one, two = array(cache, "one"), array(cache, "two", 80_000)
    told = gan_recipe("cache").out
    assert f"{cache}: " in told and "  arrays  " in told and "KB" in told
    assert cached()["arrays"] >= 120_000
    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert "[y/N]" in gan_recipe("cache", "--empty").out and one.exists()
    done = gan_recipe("cache", "--empty", "--yes")
    assert done.code == 0 and "Removed 1" in done.out
    assert not one.exists() and not two.exists() and cached() == {"arrays": 0}


def test_what_somebody_is_making_stays(cache: Path) -> None:
    """Its lock is held; and locks stay, for whoever waits for them."""
    being_made, done = array(cache, "being_made"), array(cache, "done")
    with being_made.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        empty_cache(["arrays"])
    assert being_made.exists() and not done.exists() and done.with_suffix(".lock").exists()


def test_links_are_removed_and_never_followed(cache: Path, tmp_path: Path) -> None:
    """Neither a link to a file nor one to a folder leads out of the cache."""
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis").write_text("years of work")
    path = array(cache, "one")
    (path.parent / "link").symlink_to(mine / "thesis")
    (path.parent / "folder").symlink_to(mine)
    (cache / "elsewhere").symlink_to(mine)
    assert set(cached()) == {"arrays"}
    empty_cache(list(cached()))
    assert (mine / "thesis").read_text() == "years of work"


def test_who_trains_does_not_notice() -> None:
    """An opened source of faces renders on, and the next one renders again, to the same pictures."""
    source = FACES.open()
    before = pictures(source.batch(0, 0, 4, ["image"]))
    empty_cache(["synthetic_faces"])
    np.testing.assert_array_equal(pictures(source.batch(0, 0, 4, ["image"])), before)
    source.batch(0, 1, 8, ["image"])
    np.testing.assert_array_equal(pictures(FACES.open().batch(0, 0, 4, ["image"])), before)


def test_what_a_killed_maker_left_is_swept_by_the_next(cache: Path) -> None:
    """Of whatever array; what a living one makes stays."""
    folder = cache / "arrays"
    folder.mkdir(parents=True)
    for name in ("dead", "living"):
        (folder / f"{name}.part").write_bytes(b"half of it")
    with (folder / "living.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        array(cache, "another")
    assert not (folder / "dead.part").exists() and (folder / "living.part").exists()


def test_a_killed_judges_writing_is_swept_after_a_day(cache: Path) -> None:
    """A younger one may be at work."""
    from gan_recipe_plugins._judge import Judge, _write

    for name in (".writing-old", ".writing-young"):
        (cache / "judges" / name).mkdir(parents=True)
    os.utime(cache / "judges" / ".writing-old", (0, 0))
    _write(cache / "judges" / "a.safetensors", Judge(3, 2, angular=False))
    assert sorted(path.name for path in (cache / "judges").iterdir()) == [".writing-young", "a.safetensors"]
