"""How long a figure stays on the device before it is read."""

from __future__ import annotations

#: A figure is read so many rounds after it was made, when the device has long been done with it: nothing waits for it,
#: and it comes at the same round whether or not the run was stopped between.
LATE = 3
