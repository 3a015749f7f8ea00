"""Photographs in a folder, labelled by their file names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from attrs import field, frozen

from gan_recipe import Data, Field, Source
from gan_recipe_plugins._image_folder import multi_pie
from gan_recipe_plugins._image_folder.naming import ANY_VALUE, Naming
from gan_recipe_plugins._image_folder.nearest import nearest, quoted

if TYPE_CHECKING:
    from gan_recipe_plugins._image_folder.labels import Labels
    from gan_recipe_plugins._image_folder.split import Part

# Pillow warns of decompression bombs above this.
_MOST_PIXELS = 89_478_485
_MOST_SIDE = 4096


@frozen
class ImageFolder(Data):
    r"""Images (png, jpg, jpeg, webp, bmp) of a folder and its subfolders, with labels out of their names.

    Fields, images float32 (channels, size, size) in [-1, 1] and labels int64:

    - ``image``, and one label per named group of ``pattern``. Classes of the identity group are the training
      identities; held-out identities are counted from 0 on their own. Other groups count all values that occur.
    - with ``target``: ``target``, the ground truth, and ``target_<group>`` labels. It is an image of the same identity
      with the stated values that agrees with ``image`` in as many of the other groups as possible, one of those at
      random when several do. Images without a ground truth are left out and counted. It gets the image's crop and
      flip. An image that has the stated values itself can be its own ground truth: narrow ``inputs`` to avoid that.
    - with ``pairs``: ``partner`` and float32 flags ``same_<group>``, 1 where the labels are equal. With probability 1/2
      the partner has the same identity, the next or previous class of ``pair_near``, and otherwise agrees in as many
      groups as possible; else it is any image. An image without such a neighbour always gets any image.
    - with ``any_image``: ``any_image``, drawn from the whole part without regard to ``image``.

    A file is sorted by its path, never by the file system. Hidden files are skipped; links to files are followed
    wherever they lead, links to folders are not entered. Photographs are turned as their camera was held, transparency
    is laid on white, 16 bits become 8. Unreadable, truncated and oversized images are counted and named in a warning.

    What is decoded is kept in the cache folder as one memory-mapped array until a file's name, size or time of change,
    or a setting that shapes pixels, is another; it may be deleted at any time. Training samples are a new permutation
    in every pass; sample number n (position * size + index) is a function of (seed, n), its crop and flip included.
    Held-out samples are centred, never flipped, and the same for every seed.

    Seven in eight flipped bits of a JPEG decode without a word, to another picture. ``sums`` sees them: by
    ``(cd FOLDER && find . -type f -exec sha256sum {} +) > photographs.sha256`` it is written once, and whenever images
    are decoded into the cache they are compared with it first.

    Raises ValueError when the folder is missing or holds no image, when no name matches, when ``order``, ``target``,
    ``inputs`` or ``held_out`` state what no name has, when no image can be read, when one is not what ``sums`` say, and
    when none has a ground truth.

    Source of the preset and the pairs: CMU Multi-PIE (Gross et al. 2010) and the siamese training on it that this
    project's notebook recipes retell; contrastive pairs after Hadsell et al. 2006.
    """

    #: Where the images are; a relative path starts at the recipe.
    folder: Path
    #: Side of the yielded square in px, 1 to 4096.
    size: int = 64
    #: 3 for RGB, 1 for grey.
    channels: Literal[1, 3] = 3
    #: A regular expression that fits a whole file name without its folder, each named group a label, such as
    #: (?P<person>[^_]+)_(?P<pose>[^_]+)\.png; files that it does not fit are left out. Empty: no labels.
    pattern: str = ""
    #: "multi_pie": pattern, identity, order (cameras by yaw, -60 to +60 degrees) and pair_near of CMU Multi-PIE, whose
    #: groups are identity, session, recording, pose (the camera, such as 051) and light (00 to 19).
    preset: Literal["multi_pie"] | None = None
    #: The group that tells who is shown. Empty: none does.
    identity: str = ""
    #: The order of a group's classes, every value that occurs in it. Left out: by number, else alphabetically.
    order: dict[str, tuple[str, ...]] = field(factory=dict)
    #: What training never sees: a share (0 up to, not including, 1) of the identities, or of the files without an
    #: identity group; or a list of identities. A share above 0 holds out at least one.
    held_out: float | tuple[str, ...] = 0.1
    #: Which images are drawn as ``image``, by the values of groups; left out: all. It narrows nothing else.
    inputs: dict[str, tuple[str, ...]] = field(factory=dict)
    #: What the ground truth shows, by group: pose = "straight". "*" is any value, drawn at random for each sample.
    target: dict[str, str] = field(factory=dict)
    #: Whether to yield ``partner`` and its ``same_<group>`` flags.
    pairs: bool = False
    #: The group, other than identity, in which a near partner is the next or previous class.
    pair_near: str = ""
    #: Whether to yield ``any_image``.
    any_image: bool = False
    #: The shorter side in px that images are resized to before they are cropped to ``size``; left out: ``size``.
    resize: int | None = None
    #: Where ``size`` is cut out of ``resize``; "random" moves it for each training sample.
    crop: Literal["centre", "random"] = "centre"
    #: Whether half of the training samples are mirrored. Labels stay as they are: not for a pose left or right.
    flip: bool = False
    #: A file that ``sha256sum`` wrote of the images, by their paths below the folder: an image that is not what it was,
    #: missing or not listed is named, and nothing is trained on it. Left out: nobody sees a change that still decodes.
    sums: Path | None = None
    #: Images of more pixels are not decoded but counted as unreadable; 1 to 89,478,485, Pillow's own bound.
    max_pixels: int = 64_000_000

    def __attrs_post_init__(self) -> None:
        self._check_pixels()
        self._check_pattern()
        naming = self._naming()
        self._check_groups(naming)
        self._check_order(naming)
        self._check_held_out(naming)

    def fields(self) -> Mapping[str, Field]:
        """See the class. Lists and matches the names and decodes nothing. Raises ValueError as the class says."""
        naming = self._naming()
        labels, training, _ = self._survey(naming)
        shape = (self.channels, self.size, self.size)

        def image(*factors: str) -> Field:
            return Field(shape, factors=frozenset(factors))

        def labelled(prefix: str, factors: Mapping[str, Collection[str]]) -> dict[str, Field]:
            counts = {group: len(labels.classes[group]) for group in naming.groups}
            counts |= {naming.identity: len(training.identities)} if naming.identity in counts else {}
            return {
                prefix + group: Field((), "int64", count, frozenset(factors[group])) for group, count in counts.items()
            }

        own = {group: {group} for group in naming.groups}
        fields = {"image": image(*naming.groups), **labelled("", own)}
        if self.target:
            # What is stated is constant or drawn anew; in all else the ground truth is like the image where it can be.
            stated = {group: {f"target_{group}"} if at == ANY_VALUE else set() for group, at in self.target.items()}
            aims = own | stated
            fields |= {"target": image(*(each for aim in aims.values() for each in aim)), **labelled("target_", aims)}
        if self.pairs:
            fields["partner"] = image(*(f"partner_{group}" for group in naming.groups))
            fields |= {
                f"same_{each}": Field((), factors=frozenset({each, f"partner_{each}"})) for each in naming.groups
            }
        if self.any_image:
            fields["any_image"] = image(*(f"any_{group}" for group in naming.groups))
        return fields

    def open(self, *, held_out: bool = False) -> Source:
        """Decode what the cache lacks. Raises ValueError as the class says, and when nothing is held out but asked."""
        from gan_recipe_plugins._image_folder.source import Photographs

        naming = self._naming()
        labels, training, kept_out = self._survey(naming)
        if held_out and not kept_out.files:
            raise ValueError("held_out: nothing is held out; state a share above 0 or a list, and have two identities")
        return Photographs(self, naming, labels, kept_out if held_out else training, held_out)

    def _naming(self) -> Naming:
        if self.preset is None:
            return Naming(self.pattern, self.identity, self.order, self.pair_near, "pattern")
        return Naming(
            multi_pie.PATTERN,
            self.identity or multi_pie.IDENTITY,
            multi_pie.ORDER | self.order,
            self.pair_near or multi_pie.PAIR_NEAR,
            "preset",
        )

    def _survey(self, naming: Naming) -> tuple[Labels, Part, Part]:
        """List and match the names, and see that they have what the settings speak of."""
        from gan_recipe_plugins._image_folder.ground_truth import check_ground_truth
        from gan_recipe_plugins._image_folder.labels import check_value, read_labels
        from gan_recipe_plugins._image_folder.listing import image_names
        from gan_recipe_plugins._image_folder.split import split

        names = image_names(self.folder)
        labels = read_labels(self.folder, names, naming.pattern, naming.order, naming.setting)
        for group, value in self.target.items():
            if value != ANY_VALUE:
                check_value(f"target.{group}", group, value, labels)
        for group, values in self.inputs.items():
            for value in values:
                check_value(f"inputs.{group}", group, value, labels)
        training, kept_out = split(labels, naming.identity, self.held_out)
        if self.target:
            check_ground_truth(labels, training, naming.identity, self.inputs, self.target)
        return labels, training, kept_out

    def _check_pixels(self) -> None:
        for setting, most in (("size", _MOST_SIDE), ("resize", _MOST_SIDE), ("max_pixels", _MOST_PIXELS)):
            value = getattr(self, setting)
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"{setting} is {value}; state a whole number from 1 to {most}")
        resize = self.size if self.resize is None else self.resize
        if resize < self.size:
            raise ValueError(f"resize = {resize} is smaller than size = {self.size}; state at least size, or neither")
        if self.crop == "random" and resize == self.size:
            raise ValueError(
                f'crop = "random" has no room to move in; state a resize above size = {self.size}, '
                f"such as {self.size + max(1, self.size // 24)}"
            )

    def _check_pattern(self) -> None:
        if self.preset is not None and self.pattern:
            raise ValueError(f"preset = {self.preset!r} brings its own pattern; state preset or pattern, not both")
        try:
            groups = re.compile(self.pattern).groupindex
        except re.error as error:
            raise ValueError(
                f"pattern {self.pattern!r} is no regular expression: {error}; correct it there "
                "(a literal TOML string, in single quotes, keeps backslashes)"
            ) from error
        if self.pattern and not groups:
            raise ValueError(
                f"pattern {self.pattern!r} names no group, so it gives no label; "
                r"write (?P<person>[^_]+) for a part of the name, or leave pattern out"
            )
        taken = {"image", "target", "partner", "any_image"}
        for group in groups:
            if group in taken or group.startswith(("target_", "same_")):
                raise ValueError(f"pattern: the group {group!r} has the name of another field; call it otherwise")
            if not group.isascii() or group == "_":
                raise ValueError(f"pattern: no expression can name the field {group!r}; use letters, digits and _")

    def _check_groups(self, naming: Naming) -> None:
        stated = [("identity", [self.identity]), ("pair_near", [self.pair_near])]
        stated += [("order", list(self.order)), ("inputs", list(self.inputs)), ("target", list(self.target))]
        for setting, groups in stated:
            for group in filter(None, groups):
                if not naming.groups:
                    raise ValueError(f"{setting} speaks of {group!r}, but there is no label; state a pattern")
                if group not in naming.groups:
                    hint = nearest(group, naming.groups)
                    raise ValueError(f"{setting}: no group of the pattern is called {group!r}; name one. {hint}")
        for setting, used in (("target", bool(self.target)), ("pairs", self.pairs)):
            if used and not naming.identity:
                cure = "state identity, the group that tells who is shown"
                raise ValueError(f"{setting} asks for another image of the same identity; {cure}")
        if naming.identity in self.target:
            raise ValueError(f"target.{naming.identity}: a ground truth is always of the same identity; leave that out")
        if self.pairs and naming.pair_near in ("", naming.identity):
            others = [group for group in naming.groups if group != naming.identity]
            raise ValueError(
                "pairs needs pair_near, the group in which a near partner is the next or previous class; "
                f"state one of {quoted(others)}"
            )

    def _check_order(self, naming: Naming) -> None:
        for group, values in self.order.items():
            if group == naming.identity:
                raise ValueError(f"order.{group}: training identities are counted as they are; leave that out")
            if twice := sorted({value for value in values if values.count(value) > 1}):
                raise ValueError(f"order.{group} has {quoted(twice)} more than once; a value has one class")

    def _check_held_out(self, naming: Naming) -> None:
        if isinstance(self.held_out, tuple):
            if self.held_out and not naming.identity:
                raise ValueError("held_out lists identities, but no group tells them; state identity, or a share")
        elif not 0 <= self.held_out < 1:
            raise ValueError(f"held_out is {self.held_out}; state a share from 0 up to, not including, 1, or a list")
