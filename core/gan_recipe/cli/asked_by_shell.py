"""Whether a shell asks for completions, told without importing what gives them."""

from __future__ import annotations

import os

#: The variable by which it asks; click names it after the program.
COMPLETE = "_GAN_RECIPE_COMPLETE"


def is_asked_by_shell() -> bool:
    """Whether this process is to complete words, and not to run them."""
    return COMPLETE in os.environ
