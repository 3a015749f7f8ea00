"""Whether ground truths can exist at all, by the names alone."""

from __future__ import annotations

from collections.abc import Mapping

from gan_recipe_plugins._image_folder.labels import Labels
from gan_recipe_plugins._image_folder.naming import ANY_VALUE
from gan_recipe_plugins._image_folder.split import Part


def check_ground_truth(
    labels: Labels, part: Part, identity: str, inputs: Mapping[str, tuple[str, ...]], target: Mapping[str, str]
) -> None:
    """Raise ValueError when no training image has a ground truth."""
    owners = labels.values[identity]
    wanted = {group: (value,) for group, value in target.items() if value != ANY_VALUE}
    served = {owners[place] for place in part.files if labels.meets(place, wanted)}
    asked = [place for place in part.files if labels.meets(place, inputs)]
    if served.isdisjoint(owners[place] for place in asked):
        raise ValueError(no_ground_truth(len(asked), "training", target))


def no_ground_truth(asked: int, part: str, target: Mapping[str, str]) -> str:
    """The sentence for a part whose images have no ground truth."""
    return (
        f"target: none of the {asked} {part} images that are asked for has a ground truth, an image of the same "
        f"identity with {conditions(target)}; ask for values that the identities have"
    )


def conditions(target: Mapping[str, str]) -> str:
    """``target`` for a message."""
    return ", ".join(f"{group} = {value!r}" for group, value in target.items())
