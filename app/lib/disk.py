"""How much room there is on the disk under the state directory, where the PostgreSQL of local mode stands."""

from __future__ import annotations

import shutil
from typing import Literal, NamedTuple

from app.lib.formats import size
from app.settings import settings

FULL_BYTES, LOW_BYTES = 300_000_000, 2_000_000_000
FULL_PART, LOW_PART = 0.03, 0.10
"""Free bytes, or parts of the whole on a small disk, below which it is nearly full, and low. PostgreSQL stops with none."""


class Room(NamedTuple):
    """`words` for people when it is not `enough`."""

    state: Literal["enough", "low", "full"]
    words: str


def room() -> Room:
    """Raises OSError when it cannot be looked at."""
    usage = shutil.disk_usage(settings().state_dir)
    free_text = f"{size(usage.free)} of {size(usage.total)} are free on the disk."
    if usage.free < min(FULL_BYTES, usage.total * FULL_PART):
        return Room("full", f"{free_text} Soon nothing can be stored: make room.")
    if usage.free < min(LOW_BYTES, usage.total * LOW_PART):
        return Room("low", f"{free_text} Make room before it is full.")
    return Room("enough", free_text)
