"""Keeps log files small while their processes write to them.

The processes hold their files open and append, so a file is copied and then cut to nothing; what is written between the two is
lost, some lines at most. On a full disk the copy is given up and the cut makes room.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

LARGEST_BYTES = 10_000_000
KEPT = 3


def rotate(logs: Iterable[Path], largest: int = LARGEST_BYTES, keep_count: int = KEPT) -> list[Path]:
    """Put aside each log that has outgrown `largest` bytes as `name.1`, the older ones behind it, `kept` of them. Answers which."""
    done = []
    for log in logs:
        with contextlib.suppress(OSError):
            if log.stat().st_size > largest:
                _put_aside(log, keep_count)
                os.truncate(log, 0)
                done.append(log)
    return done


def _put_aside(log: Path, keep_count: int) -> None:
    older = [log.with_name(f"{log.name}.{n}") for n in range(1, keep_count + 1)]
    try:
        older[-1].unlink(missing_ok=True)
        for newer, place in zip(reversed(older[:-1]), reversed(older[1:]), strict=True):
            if newer.exists():
                newer.replace(place)
        shutil.copyfile(log, older[0])
        older[0].chmod(0o600)
    except OSError:  # no room: drop the partial copy
        older[0].unlink(missing_ok=True)
