"""The embedded data: procedural faces, rendered on the spot."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Literal

from attrs import frozen

from gan_recipe import Data, Field, Source, cache_folder
from gan_recipe_plugins._faces.room import FLASHES, STANDARD, YAWS


@frozen
class SyntheticFaces(Data):
    """Parametric 3-D heads in 9 poses and 20 lights; needs no download and no second of preparation.

    A person is about 55 numbers and colours drawn from (``seed``, number): skull, jaw, eyes, nose, mouth, ears, skin,
    hair, beard, freckles, glasses. The cameras stand at yaw -60, -45, -30, -15, 0, 15, 30, 45 and 60 degrees (pose 0
    to 8, positive to the right of a frontal face, so that there the nose points left). Lights 0 to 8 are flashes at eye
    level from -88 to 88 degrees in steps of 22 (4 is frontal), 9 to 15 the same from above (-75 to 75 in steps of 25),
    16 to 18 from below (-45, 0, 45), and 19 is the room's light without a flash. Flashes and room stand still while
    the camera moves, as in CMU Multi-PIE (Gross et al., "Multi-PIE", Image and Vision Computing 2010), whose protocol
    the fields follow.

    Fields of a sample, s being ``size``; images are RGB in [-1, 1]:

    - ``image`` (3, s, s): a person at a random pose and light; ``identity``, ``pose``, ``light`` say which;
    - ``target`` (3, s, s): the same person at ``target_pose`` and ``target_light``; the one-hot
      ``target_pose_code`` (9,) and ``target_light_code`` (20,) condition a decoder;
    - ``contour`` (1, s, s): ``contour_weight`` near the outline of the target's head, 1 elsewhere, to weight a
      pixel loss; taken from the rendered silhouette;
    - ``same_light_frontal`` (3, s, s): the same person, frontal, in the input's light;
    - ``partner`` (3, s, s): with probability 1/2 the same person and light at a neighbouring pose, else any image;
      ``same_identity``, ``same_pose``, ``same_light`` are 1 where the partner agrees with the image and 0 elsewhere;
    - ``any_image`` (3, s, s): any image of the set.

    Sample n of a stream depends on its seed and n alone. Training draws people at random; held-out people come in
    turn. Images are rendered when first needed and kept in the cache folder (2.2 MB a person at 64 px, fourfold at
    each doubling); only what is damaged or missing is rendered again. Training and held-out people never meet.

    Raises ``ValueError`` for settings out of range, and ``OSError`` where the cache cannot be written.
    """

    #: Height and width of the images in pixels: 16 to 256, a multiple of 16.
    size: int = 64
    #: How many people training sees, at least 1.
    identities: int = 200
    #: How many further people training never sees, at least 1.
    held_out: int = 40
    #: Which population: people are drawn from this number and their own, at least 0.
    seed: int = 0
    #: The light that "standard" means, 0 to 19; 4 is the frontal flash.
    standard_light: int = STANDARD
    #: The target's pose: straight from the front, drawn at random, or the input's.
    target_pose: Literal["frontal", "random", "same"] = "frontal"
    #: The target's light: ``standard_light``, drawn at random, or the input's.
    target_light: Literal["standard", "random", "same"] = "standard"
    #: The weight of the outline in ``contour``, above 0; elsewhere it is 1.
    contour_weight: float = 20.0
    #: The fields to make; all of them when empty. Leaving some out changes none of the others.
    only: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if not 16 <= self.size <= 256 or self.size % 16:
            raise ValueError(f"size is {self.size}: expected a multiple of 16 from 16 to 256.")
        for name in ("identities", "held_out"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: expected at least 1 person.")
        if not 0 <= self.seed < 2**62:
            raise ValueError(f"seed is {self.seed}: expected a whole number from 0 to 2**62 - 1.")
        if not 0 <= self.standard_light < len(FLASHES):
            raise ValueError(f"standard_light is {self.standard_light}: expected a light from 0 to {len(FLASHES) - 1}.")
        if not 0 < self.contour_weight < inf:
            raise ValueError(f"contour_weight is {self.contour_weight}: expected a finite number above 0.")
        if unknown := [name for name in self.only if name not in self._every_field()]:
            known = ", ".join(self._every_field())
            raise ValueError(f"only names {', '.join(map(repr, unknown))}: expected some of {known}.")

    def fields(self) -> Mapping[str, Field]:
        """The fields of a batch; ``identity`` has as many classes as training has people.

        Held-out people are numbered from 0 too, up to ``held_out`` - 1: their numbers are names, not classes.
        """
        return {name: field for name, field in self._every_field().items() if not self.only or name in self.only}

    def more(self) -> Mapping[str, int]:
        """As many people as there are by default, where they are fewer: each is rendered once and kept on disk."""
        many = SyntheticFaces().identities
        return {"identities": many} if self.identities < many else {}

    def open(self, *, held_out: bool = False) -> Source:
        """Open the faces; nothing is rendered before the first batch."""
        from gan_recipe_plugins._faces.source import Faces

        return Faces(self, cache_folder() / "synthetic_faces", held_out=held_out)

    def _every_field(self) -> dict[str, Field]:
        shape = (3, self.size, self.size)
        target_pose = {"frontal": set(), "random": {"target_pose"}, "same": {"pose"}}[self.target_pose]
        target_light = {"standard": set(), "random": {"target_light"}, "same": {"light"}}[self.target_light]

        def image(*factors: str) -> Field:
            return Field(shape, factors=frozenset(factors))

        def label(classes: int, *factors: str) -> Field:
            return Field((), "int64", classes, frozenset(factors))

        def flag(factor: str) -> Field:
            return Field((), factors=frozenset({factor, f"partner_{factor}"}))

        poses, lights = len(YAWS), len(FLASHES)
        return {
            "image": image("identity", "pose", "light"),
            "identity": label(self.identities, "identity"),
            "pose": label(poses, "pose"),
            "light": label(lights, "light"),
            "target": image("identity", *target_pose, *target_light),
            "target_pose": label(poses, *target_pose),
            "target_light": label(lights, *target_light),
            "target_pose_code": Field((poses,), factors=frozenset(target_pose)),
            "target_light_code": Field((lights,), factors=frozenset(target_light)),
            "contour": Field((1, self.size, self.size), factors=frozenset({"identity", *target_pose})),
            "same_light_frontal": image("identity", "light"),
            "partner": image("partner_identity", "partner_pose", "partner_light"),
            "same_identity": flag("identity"),
            "same_pose": flag("pose"),
            "same_light": flag("light"),
            "any_image": image("any_identity", "any_pose", "any_light"),
        }
