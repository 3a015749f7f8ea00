"""What the settings and the preset together say about file names."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

#: What ``target`` writes for a group whose value is drawn at random.
ANY_VALUE = "*"


@frozen
class Naming:
    """How file names are read."""

    pattern: str
    #: The group that tells who is shown, or empty.
    identity: str
    order: Mapping[str, tuple[str, ...]]
    pair_near: str
    #: The setting that states the pattern.
    setting: str

    @property
    def groups(self) -> tuple[str, ...]:
        """The labels, in the pattern's order."""
        return tuple(re.compile(self.pattern).groupindex)
