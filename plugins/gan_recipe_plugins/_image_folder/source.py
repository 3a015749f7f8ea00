"""Opened photographs: sample number n is a function of (seed, n)."""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Collection, Mapping
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import attrs
import numpy as np
import PIL
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from gan_recipe import cache_folder, progress
from gan_recipe_plugins._array_store import Append, StoredArray, stored_array
from gan_recipe_plugins._image_folder.choices import Choices, Indices, near_choices, target_choices
from gan_recipe_plugins._image_folder.decoding import Form, decoded
from gan_recipe_plugins._image_folder.ground_truth import conditions, no_ground_truth
from gan_recipe_plugins._image_folder.labels import Labels
from gan_recipe_plugins._image_folder.listing import state
from gan_recipe_plugins._image_folder.naming import ANY_VALUE, Naming
from gan_recipe_plugins._image_folder.nearest import quoted
from gan_recipe_plugins._image_folder.split import Part
from gan_recipe_plugins._image_folder.sums import see_that_they_match, stated_sums
from gan_recipe_plugins._philox import philox

if TYPE_CHECKING:
    from gan_recipe_plugins.image_folder import ImageFolder

# Raised whenever the same files would give other bytes, or the same bytes other samples.
_VERSION = 1
_NAMED = 5

# Every sample owns this many random numbers of its seed's stream: a quarter as many counter blocks of Philox.
_DRAWS = 16
_VIEW, _TARGET, _IS_NEAR, _NEAR, _FAR, _PARTNER_VIEW, _ANY, _ANY_VIEW = 0, 3, 4, 5, 6, 7, 10, 11

Uniform = NDArray[np.float64]


class Photographs:
    """One part of a folder, opened.

    ``left_out`` counts the images that could be drawn but for want of a ground truth, ``unreadable`` holds the files of
    both parts that are no images, each with its reason.
    """

    def __init__(self, data: ImageFolder, naming: Naming, labels: Labels, part: Part, held_out: bool) -> None:
        self._data = data
        self._held_out = held_out
        stored = _stored(data, labels)
        self.unreadable: Mapping[str, str] = stored.notes["unreadable"]
        readable = [place for place, name in enumerate(labels.names) if name not in self.unreadable]
        row_of = dict(zip(readable, range(len(readable)), strict=True))
        files = [place for place in part.files if place in row_of]

        self._rows: Indices = np.array([row_of[place] for place in files], np.int64)
        self._names = tuple(labels.names[place] for place in files)
        self._labels = _numbered(labels, files, naming.identity, part)
        self._pixels = stored.rows
        self._windows = sliding_window_view(stored.rows, (data.size, data.size), axis=(2, 3))
        self._targets = self._near = None
        if data.target:
            classes = {group: list(labels.classes[group]) for group in data.target}
            wanted = {
                group: None if value == ANY_VALUE else classes[group].index(value)
                for group, value in data.target.items()
            }
            self._targets = target_choices(self._labels, naming.identity, wanted)
        if data.pairs:
            self._near = near_choices(self._labels, naming.identity, naming.pair_near)
        asked = _asked(labels, files, data.inputs)
        self._images: Indices = np.flatnonzero(asked if self._targets is None else asked & (self._targets.count > 0))
        self.left_out = int(asked.sum()) - len(self._images)
        if not len(self._images):
            raise ValueError(self._nothing_left(int(asked.sum())))
        self._stride = _even_stride(len(self._images))
        self.fingerprint = _fingerprint(data, naming, self._names, stored, held_out)
        self._warn(labels)

    by_sample = True

    def __len__(self) -> int:
        return len(self._images)

    def batch(
        self, seed: int, position: int, size: int, fields: Collection[str] | None = None
    ) -> dict[str, np.ndarray]:
        """Samples ``position * size`` to ``position * size + size - 1``, whose content no other batch size changes.

        In training every pass is a new permutation. Held-out samples, and what is drawn with them, are the same for
        every seed, so that the figures of two runs compare; any first k of them are spread over the whole part.
        """
        if position < 0 or size < 1:
            raise ValueError(f"there is no batch {position} of {size} samples; count from 0, and at least 1 sample")
        first = position * size
        numbers = np.arange(first, first + size)
        stream = "held out" if self._held_out else seed
        uniform = _uniform(stream, first, size)
        images = self._images[self._drawn(stream, numbers)]
        shown = {"image": (images, uniform[:, _VIEW:])}
        labels = {group: values[images] for group, values in self._labels.items()}
        if self._targets is not None:
            target = self._targets.draw(images, uniform[:, _TARGET])
            # The same view as the image's: a mirrored face has a mirrored ground truth.
            shown["target"] = (target, uniform[:, _VIEW:])
            labels |= {f"target_{group}": values[target] for group, values in self._labels.items()}
        if self._near is not None:
            partner = self._partner(self._near, images, uniform)
            shown["partner"] = (partner, uniform[:, _PARTNER_VIEW:])
            for group, values in self._labels.items():
                labels[f"same_{group}"] = (values[images] == values[partner]).astype(np.float32)
        if self._data.any_image:
            anyone = (uniform[:, _ANY] * len(self._rows)).astype(np.int64)
            shown["any_image"] = (anyone, uniform[:, _ANY_VIEW:])
        if fields is not None:
            shown = {name: view for name, view in shown.items() if name in fields}
        return (self._seen(shown) if shown else {}) | labels

    def _drawn(self, stream: str | int, numbers: Indices) -> Indices:
        count = len(self._images)
        if self._held_out:
            return numbers % count * self._stride % count
        passes, places = np.divmod(numbers, count)
        drawn = np.empty_like(numbers)
        for one in np.unique(passes).tolist():
            drawn[passes == one] = _permutation(stream, one, count)[places[passes == one]]
        return drawn

    def _partner(self, near: Choices, images: Indices, uniform: Uniform) -> Indices:
        partner = (uniform[:, _FAR] * len(self._rows)).astype(np.int64)
        is_near = (uniform[:, _IS_NEAR] < 0.5) & (near.count[images] > 0)
        partner[is_near] = near.draw(images[is_near], uniform[is_near, _NEAR])
        return partner

    def _seen(self, shown: Mapping[str, tuple[Indices, Uniform]]) -> dict[str, np.ndarray]:
        """The images as float32 in [-1, 1]: gathered, cropped and mirrored by three numbers each.

        All fields are one block of memory, cut up: of several, the C library hands each back to the system after every
        batch, and page faults then cost more than the work (measured: a batch took five times as long).
        """
        rows = self._rows[np.concatenate([images for images, _ in shown.values()])]
        uniform = np.concatenate([view[:, :3] for _, view in shown.values()])
        room = self._windows.shape[2] - 1
        if not room:
            found = self._pixels[rows]
        elif self._held_out:
            found = self._windows[rows, :, room // 2, room // 2]
        else:
            down, right = (uniform[:, :2] * (room + 1)).astype(np.int64).T
            found = self._windows[rows, :, down, right]
        if self._data.flip and not self._held_out:
            mirrored = uniform[:, 2] < 0.5
            found[mirrored] = found[mirrored, :, :, ::-1]
        # Divided, not multiplied by the inverse, so that 255 becomes 1 and nothing above it.
        levels = found.astype(np.float32)
        levels /= np.float32(127.5)
        levels -= np.float32(1)
        return dict(zip(shown, np.split(levels, len(shown)), strict=True))

    def _nothing_left(self, asked: int) -> str:
        part = "held-out" if self._held_out else "training"
        if self._targets is not None and asked:
            return no_ground_truth(asked, part, self._data.target)
        cure = "hold out more" if self._held_out else "hold out fewer, or state other inputs"
        return f"inputs: no readable {part} image is left to draw; {cure}"

    def _warn(self, labels: Labels) -> None:
        """Say what is not used."""
        part = "held-out" if self._held_out else "training"
        total = len(labels.names) + len(labels.unmatched)
        if labels.unmatched:
            some = quoted(labels.unmatched[:_NAMED])
            _say(f"{len(labels.unmatched)} of {total} images do not match the pattern and are left out: {some}")
        if self.unreadable:
            some = ", ".join(f"{name!r} ({reason})" for name, reason in list(self.unreadable.items())[:_NAMED])
            _say(f"{len(self.unreadable)} of {total} images cannot be read and are left out: {some}")
        if self.left_out:
            shows = conditions(self._data.target)
            _say(f"{self.left_out} {part} images are left out: their identities have no image with {shows}")


def _stored(data: ImageFolder, labels: Labels) -> StoredArray:
    """Every readable image of both parts, decoded now or by an earlier run."""
    resize = data.resize or data.size
    kept = resize if data.crop == "random" else data.size
    form = Form(data.channels, kept, kept / resize, data.max_pixels)
    paths = [data.folder / name for name in labels.names]
    states = [state(path) for path in paths]
    stated = [_VERSION, PIL.__version__, str(data.folder.resolve()), attrs.astuple(form), labels.names, states]
    sums = stated_sums(data.sums) if data.sums else None
    if sums is not None:
        # What the cache holds was compared with these very sums before it was decoded.
        stated.append(sorted(sums.items()))
    key = sha256(json.dumps(stated).encode()).hexdigest()

    def make(append: Append) -> dict[str, Any]:
        if sums is not None:
            see_that_they_match(data.folder, labels.names, {*labels.names, *labels.unmatched}, sums)
        unreadable = {}
        for number, (name, image) in enumerate(zip(labels.names, decoded(paths, form), strict=True)):
            progress("decoding images", number, len(paths))
            if isinstance(image, str):
                unreadable[name] = image
            else:
                append(image)
        if len(unreadable) == len(labels.names):
            some = ", ".join(f"{name!r} ({reason})" for name, reason in list(unreadable.items())[:_NAMED])
            raise ValueError(
                f"folder: none of the {len(unreadable)} images in {str(data.folder)!r} can be read: {some}; "
                "replace the files, or name another folder"
            )
        return {"unreadable": unreadable}

    return stored_array(cache_folder() / "image_folder" / f"{key}.array", (data.channels, kept, kept), make)


def _numbered(labels: Labels, files: list[int], identity: str, part: Part) -> dict[str, Indices]:
    """The class of each file in each group; identities are counted within the part."""
    numbered = {}
    for group, values in labels.values.items():
        classes = part.identities if group == identity else labels.classes[group]
        number = {value: place for place, value in enumerate(classes)}
        numbered[group] = np.array([number[values[place]] for place in files], np.int64)
    return numbered


def _asked(labels: Labels, files: list[int], inputs: Mapping[str, tuple[str, ...]]) -> NDArray[np.bool_]:
    """Which files ``inputs`` lets through."""
    return np.array([labels.meets(place, inputs) for place in files], bool)


def _uniform(stream: str | int, first: int, size: int) -> Uniform:
    """The numbers in [0, 1) that samples ``first``, ``first + 1``, ... own: (size, _DRAWS)."""
    words = philox("image_folder", stream, counter=first * _DRAWS // 4).random_raw(size * _DRAWS)
    return (words >> np.uint64(11)).reshape(size, _DRAWS).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=4)
def _permutation(stream: str | int, number: int, count: int) -> Indices:
    # Sorted raw words: unlike numpy's shuffle, its result will not change with numpy's version.
    words = philox("image_folder pass", stream, number).random_raw(count)
    return np.argsort(words, kind="stable")


def _even_stride(count: int) -> int:
    """A step through ``count`` places that visits each once and keeps any first few far apart (the golden section)."""
    step = max(1, round(count * (math.sqrt(5) - 1) / 2))
    while math.gcd(step, count) != 1:
        step += 1
    return step


def _fingerprint(data: ImageFolder, naming: Naming, names: tuple[str, ...], stored: StoredArray, held_out: bool) -> str:
    """Of what is seen, not of where it lies: a copied folder keeps its fingerprint."""
    settings = attrs.asdict(data, filter=lambda field, _: field.name not in ("folder", "max_pixels", "sums"))
    stated = [_VERSION, held_out, settings, attrs.asdict(naming), names, stored.sha256]
    return sha256(json.dumps(stated, sort_keys=True).encode()).hexdigest()


def _say(message: str) -> None:
    warnings.warn(message, stacklevel=4)
