"""Memory that torch frees stays with the process, for the tensors of the next move.

glibc hands blocks above a threshold, and the top of its heap, back to the system, which gives them out again a page
at a time and filled with zeros: some 9,700 page faults in a round of d_supervised, all for memory that the round
before had as well. Without them a round took 0.90 to 0.94 of the time on two cores, at the same peak.
"""

from __future__ import annotations

import ctypes
import os

# Of malloc.h. A block below the first is taken from the heap; above so much free space the heap's top is given back.
_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1
_LARGEST = 2**31 - 1
_STATED = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_")


def keep_freed_memory() -> bool:
    """Whether it is kept from now on: not where the C library is another, or where a person has tuned it otherwise."""
    if any(name in os.environ for name in _STATED):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, TypeError, AttributeError):  # another C library, or none that can be opened
        return False
    return bool(mallopt(_MMAP_THRESHOLD, _LARGEST) and mallopt(_TRIM_THRESHOLD, _LARGEST))
