"""Which files training never sees."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from gan_recipe_plugins._image_folder.labels import Labels
from gan_recipe_plugins._image_folder.nearest import nearest


@frozen
class Part:
    """The training part of a folder, or the held-out one."""

    #: Places in ``Labels.names``, ascending.
    files: tuple[int, ...]
    #: Its identities, numbered from 0; empty where no group tells identities.
    identities: tuple[str, ...]


def split(labels: Labels, identity: str, held_out: float | tuple[str, ...]) -> tuple[Part, Part]:
    """The training part and the held-out one. Whole identities are held out where ``identity`` names their group.

    Who is held out does not depend on a seed: the identities (or files) are ranked by a digest of their names, so that
    the choice is as good as random and the same on every machine. Raises ValueError for an unknown identity, and when
    nothing would be left to train on.
    """
    owners = labels.values[identity] if identity else labels.names
    known = labels.classes[identity] if identity else labels.names
    held = frozenset(_stated(held_out, owners) if isinstance(held_out, tuple) else _share(held_out, known))
    if held.issuperset(owners):
        raise ValueError("held_out names every identity, and none is left to train on; name fewer")
    training = tuple(place for place, owner in enumerate(owners) if owner not in held)
    kept_out = tuple(place for place, owner in enumerate(owners) if owner in held)
    if not identity:
        return Part(training, ()), Part(kept_out, ())
    return (
        Part(training, tuple(person for person in known if person not in held)),
        Part(kept_out, tuple(person for person in known if person in held)),
    )


def _stated(held_out: tuple[str, ...], owners: Sequence[str]) -> tuple[str, ...]:
    present = set(owners)
    for person in held_out:
        if person not in present:
            hint = nearest(person, present)
            raise ValueError(f"held_out: no file name has the identity {person!r}; state one that occurs. {hint}")
    return held_out


def _share(share: float, known: Sequence[str]) -> list[str]:
    from hashlib import sha256  # it loads OpenSSL, for which a listing need not wait

    if share == 0:
        return []
    count = min(max(1, round(share * len(known))), len(known) - 1)
    return sorted(known, key=lambda name: sha256(name.encode(errors="surrogateescape")).digest())[:count]
