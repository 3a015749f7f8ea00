"""The hardware that a run gets: its device, how many cores, and whether bf16 is fast there."""

from __future__ import annotations

import os

import torch

from gan_recipe.distributed.processes import Processes, share_of_cores
from gan_recipe.errors import UserError


def use_available_cores() -> int:
    """Set torch's threads to the cores that this process may really use; more of them cost up to 9 times as much.

    A person who wants fewer says so in ``OMP_NUM_THREADS``.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, processes = _cgroup_quota(), share_of_cores()
    threads = max(1, (min(cores, quota) if quota else cores) // processes)
    stated = os.environ.get("OMP_NUM_THREADS", "")
    # torchrun states 1 for each of several processes where nobody has stated anything.
    if processes == 1 and stated.isdecimal() and int(stated) > 0:
        threads = min(threads, int(stated))
    torch.set_num_threads(threads)
    return threads


def _cgroup_quota() -> int | None:
    """Whole cores that the container's quota allows; None without one."""
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:
            quota, period = file.read().split()
        return None if quota == "max" else max(1, round(int(quota) / int(period)))
    except (OSError, ValueError):
        return None


def has_bf16(device: str) -> bool:
    """Whether the device computes in bf16 itself, and not by way of float32."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device == "cpu":
        from torch.backends.cpu import get_cpu_capability

        return "AVX512" in get_cpu_capability() and bool(torch.cpu._is_avx512_bf16_supported())
    return False


def chosen_device(stated: str, processes: Processes | None = None) -> str:
    """``auto`` takes a GPU when there is one. Raises UserError for one that is not there."""
    if processes is not None:
        stated = processes.device(stated)
    if stated == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=stated)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"the device {stated!r} cannot be used: {str(error).partition(chr(10))[0]}") from None
    return stated
