"""Memory that torch frees stays with the run."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from gan_recipe.engine.freed_memory import keep_freed_memory

def play():
    values = [torch.ones(2**18) for _ in range(32)]  # a megabyte each

kept = keep_freed_memory()
play()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    play()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.parametrize("stated", [{}, {"MALLOC_TRIM_THRESHOLD_": "1000000"}])
def test_freed_memory_is_not_asked_for_again(stated: dict[str, str]) -> None:
    """Tensors take the memory of the round before; of a person who has tuned the C library nothing is changed."""
    done = subprocess.run([sys.executable, "-c", FAULTS], env=os.environ | stated, capture_output=True, text=True)
    kept, faults = done.stdout.split()
    if kept == "False" and not stated:
        pytest.skip("not with this C library")
    assert kept == str(not stated)
    assert (int(faults) < 10_000) is not bool(stated), faults  # of 80,000
