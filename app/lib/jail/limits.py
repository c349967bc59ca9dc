"""Limits that the kernel keeps for a process and what it starts."""

from __future__ import annotations

import resource
from contextlib import suppress


def apply_limits(*, data: int, files: int, write_nothing: bool = True) -> None:
    """`data`: bytes of memory that can be written to, its threads' stacks too; `files`: open at a time."""
    for what, most in ((resource.RLIMIT_DATA, data), (resource.RLIMIT_NOFILE, files), (resource.RLIMIT_CORE, 0)):
        with suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))
    if write_nothing:  # pipes are no files
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
