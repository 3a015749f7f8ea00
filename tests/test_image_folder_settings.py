"""Settings of a folder of photographs that are wrong, each named with its cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from painted_faces import PEOPLE, POSES, everything

from gan_recipe_plugins.image_folder import ImageFolder

pytestmark = pytest.mark.usefixtures("cache")


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
