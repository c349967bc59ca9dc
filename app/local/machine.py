"""How large this machine is, or the container that it looks like from inside."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")
_OF_PROCESS = Path("/proc/self/cgroup")


def processors() -> int:
    """Processors that this process may use, at least 1: those of the machine, less where a container has a share of them."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for line in _limits("cpu.max"):
        quota, period = line.split()
        if quota != "max":
            count = min(count, math.ceil(int(quota) / int(period)))
    return max(1, count)


def memory_bytes() -> int:
    """Memory of the machine, or the limit of the container when that is lower."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    sizes += [int(limit) for limit in _limits("memory.max", "memory/memory.limit_in_bytes") if limit.isdigit()]
    return min(sizes)


def _limits(name: str, of_version_1: str = "") -> Iterator[str]:
    """What is set for the control group of this process and for those above it. `of_version_1`: where old kernels have the same."""
    try:
        group = _OF_PROCESS.read_text().partition("0::")[2].splitlines()[0].strip("/")
    except (OSError, IndexError):
        group = ""
    folder = _CGROUPS / group
    files = [parent / name for parent in (folder, *folder.parents) if parent.is_relative_to(_CGROUPS)]
    for path in (*files, *([_CGROUPS / of_version_1] if of_version_1 else [])):
        try:
            yield path.read_text().strip()
        except OSError:
            continue
