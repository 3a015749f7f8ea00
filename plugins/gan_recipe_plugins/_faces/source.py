"""Batches of faces: which person, pose and light each sample shows, and the pictures of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
from numpy.typing import NDArray

from gan_recipe_plugins._faces.room import FLASHES, FRONTAL, RENDERER, YAWS
from gan_recipe_plugins._faces.store import Store
from gan_recipe_plugins._philox import philox

if TYPE_CHECKING:
    from gan_recipe_plugins.synthetic_faces import SyntheticFaces

#: What a sample draws: one 64-bit word each, so that leaving out a field changes no other.
_WORDS = ("identity", "pose", "light", "target_pose", "target_light", "pair", "side", "other", "other_pose",
          "other_light", "any", "any_pose", "any_light")  # fmt: skip
#: Philox makes four words at a time: sample n owns the blocks 4 n to 4 n + 3.
_BLOCKS = 4

Labels = NDArray[np.int64]


class Faces:
    """The opened faces (see ``gan_recipe.Source``)."""

    fingerprint: str
    by_sample = True

    def __init__(self, settings: SyntheticFaces, folder: Path, *, held_out: bool) -> None:
        self._settings, self._held_out = settings, held_out
        self._people = settings.held_out if held_out else settings.identities
        self._fields = settings.fields()
        self._store = Store(folder, seed=settings.seed, part=int(held_out), size=settings.size, count=self._people)
        told = json.dumps([RENDERER, held_out, attrs.asdict(settings)], sort_keys=True)
        self.fingerprint = hashlib.sha256(told.encode()).hexdigest()

    def __len__(self) -> int:
        """Every person in every pose and light."""
        return self._people * len(YAWS) * len(FLASHES)

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, NDArray[Any]]:
        """Batch number ``position``, a function of the arguments alone.

        Sample n = position * size + i depends on (seed, n) only, however the stream is cut into batches. Renders the
        people who are not in the store yet. Makes ``fields`` only, or all that are declared.
        """
        labels = self._labels(seed, position * size, size)
        wanted = self._fields if fields is None else {name: self._fields[name] for name in fields}
        shown = {name: where for name, where in self._shown(labels).items() if name in wanted}
        made: dict[str, NDArray[Any]] = {}
        if shown:
            people, poses, lights = (np.concatenate(column) for column in zip(*shown.values(), strict=True))
            self._store.need(people)
            pixels = self._store.images[people, poses, lights].astype(np.float32)
            pixels *= np.float32(2 / 255)
            pixels -= 1
            made |= {name: pixels[k * size : (k + 1) * size] for k, name in enumerate(shown)}
        if "contour" in wanted:
            self._store.need(labels["identity"])
            band = self._store.contours[labels["identity"], labels["target_pose"], None]
            made["contour"] = 1 + band * np.float32(self._settings.contour_weight - 1)
        made |= {name: labels[name] for name in ("identity", "pose", "light", "target_pose", "target_light")}
        made["target_pose_code"] = np.eye(len(YAWS), dtype=np.float32)[labels["target_pose"]]
        made["target_light_code"] = np.eye(len(FLASHES), dtype=np.float32)[labels["target_light"]]
        for name in ("identity", "pose", "light"):
            made[f"same_{name}"] = (labels[name] == labels[f"partner_{name}"]).astype(np.float32)
        return {name: made[name] for name in wanted}

    def _labels(self, seed: int, first: int, size: int) -> dict[str, Labels]:
        """Person, pose and light of everything that samples ``first`` to ``first + size - 1`` show."""
        random = philox("synthetic_faces", seed, self._settings.seed, self._held_out, counter=_BLOCKS * first)
        words = random.random_raw(4 * _BLOCKS * size).reshape(size, 4 * _BLOCKS)

        def draw(name: str, count: int) -> Labels:
            return (words[:, _WORDS.index(name)] % np.uint64(count)).astype(np.int64)

        poses, lights = len(YAWS), len(FLASHES)
        identity = (first + np.arange(size)) % self._people if self._held_out else draw("identity", self._people)
        pose, light = draw("pose", poses), draw("light", lights)
        s = self._settings
        target_pose = {"frontal": np.full(size, FRONTAL), "random": draw("target_pose", poses), "same": pose}
        target_light = {
            "standard": np.full(size, s.standard_light), "random": draw("target_light", lights), "same": light
        }  # fmt: skip
        # The siamese partner: half of the time the same person and light one camera further, at the ends the only one.
        pair = draw("pair", 2) == 1
        step = np.where(pose == 0, 1, np.where(pose == poses - 1, -1, 2 * draw("side", 2) - 1))
        return {
            "identity": identity,
            "pose": pose,
            "light": light,
            "target_pose": target_pose[s.target_pose],
            "target_light": target_light[s.target_light],
            "partner_identity": np.where(pair, identity, draw("other", self._people)),
            "partner_pose": np.where(pair, pose + step, draw("other_pose", poses)),
            "partner_light": np.where(pair, light, draw("other_light", lights)),
            "any_identity": draw("any", self._people),
            "any_pose": draw("any_pose", poses),
            "any_light": draw("any_light", lights),
        }

    def _shown(self, labels: dict[str, Labels]) -> dict[str, tuple[Labels, Labels, Labels]]:
        """Person, pose and light of every field that is a picture."""
        identity, light = labels["identity"], labels["light"]
        return {
            "image": (identity, labels["pose"], light),
            "target": (identity, labels["target_pose"], labels["target_light"]),
            "partner": (labels["partner_identity"], labels["partner_pose"], labels["partner_light"]),
            "any_image": (labels["any_identity"], labels["any_pose"], labels["any_light"]),
            "same_light_frontal": (identity, np.full_like(identity, FRONTAL), light),
        }
