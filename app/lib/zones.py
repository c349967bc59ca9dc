"""The time zone to use: the contact's, else the workspace's, else UTC. One answer for conditions, mails, forms and pages."""

from __future__ import annotations

import functools
import zoneinfo
from datetime import UTC, datetime, tzinfo


@functools.lru_cache(maxsize=1024)
def known_zone(name: str) -> tzinfo | None:
    """The zone of an IANA name such as `Europe/Berlin`; None for an unknown name."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name is a folder, such as `Europe`
        return None


def zone_of(*names: object) -> tzinfo:
    """The first of `names` that is a zone, UTC when none is. Ask with the contact's zone first, then the workspace's."""
    for name in names:
        if isinstance(name, str) and (zone := known_zone(name)) is not None:
            return zone
    return UTC


def zone_word(moment: datetime) -> str:
    """The short name of the zone at that moment, to append to a time: `CET`, `UTC`, `UTC-3` where the zone has no name."""
    word = moment.tzname() or "UTC"
    if word[0] not in "+-":
        return word
    hours, minutes = word[1:3].lstrip("0") or "0", word[3:5]
    return f"UTC{word[0]}{hours}{':' + minutes if minutes not in ('', '00') else ''}"
