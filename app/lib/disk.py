"""How much room there is on the disk under the state directory, where the PostgreSQL of local mode stands."""

from __future__ import annotations

import shutil
from typing import Literal, NamedTuple

from app.lib.formats import size
from app.lib.translation import gettext
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
    values = {"free": size(usage.free), "total": size(usage.total)}
    if usage.free < min(FULL_BYTES, usage.total * FULL_PART):
        text = gettext("%(free)s of %(total)s are free on the disk. Soon nothing can be stored: make room.", **values)
        return Room("full", text)
    if usage.free < min(LOW_BYTES, usage.total * LOW_PART):
        return Room(
            "low", gettext("%(free)s of %(total)s are free on the disk. Make room before it is full.", **values)
        )
    return Room("enough", gettext("%(free)s of %(total)s are free on the disk.", **values))
