"""How values read on a page: numbers, spans of time, moments in the reader's zone, initials. Jinja filters of every template."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import Environment, pass_context
from jinja2.runtime import Context

from app.lib import clock

AVATAR_TINTS = 8
EMPTY = "–"


def number(value: float | None, digits: int = 0) -> str:
    """`12345` as `12,345`; None as a dash."""
    return EMPTY if value is None else f"{value:,.{digits}f}"


def percent(part: float | None, whole: float | None, digits: int = 1) -> str:
    """`part` of `whole` as `14.3%`; a dash when there is nothing to divide by."""
    return f"{100 * (part or 0) / whole:.{digits}f}%" if whole else EMPTY


def counted(value: int, one: str, many: str = "") -> str:
    """`1 run`, `2 runs`, `1,204 people`."""
    return f"{number(value)} {one if value == 1 else many or one + 's'}"


def duration(value: float | timedelta | None) -> str:
    """Seconds as the two largest units: `0.4 s`, `12 s`, `3 min 5 s`, `1 d 1 h`."""
    if value is None:
        return EMPTY
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole, words = round(seconds), []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        amount, whole = divmod(whole, size)
        if amount:
            words.append(f"{amount} {unit}")
        elif words:
            break
    return " ".join(words[:2])


def size(value: int) -> str:
    """Bytes as `812 B`, `1.9 KB`, `3.2 MB`."""
    if value < 1000:
        return f"{value} B"
    return f"{value / 1000:.1f} KB" if value < 1_000_000 else f"{value / 1_000_000:.1f} MB"


def initials(name: str) -> str:
    """Two letters for an avatar: first and last word of a name, or the start of an address."""
    words = [word for word in name.replace("@", " ").replace(".", " ").replace("_", " ").split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 and "@" not in name else words[0][1:2])).upper()


def tint(name: str) -> int:
    """Which of the avatar colours a name gets: always the same one."""
    return zlib.crc32(name.encode()) % AVATAR_TINTS


def words(value: str) -> str:
    """`goal_reached` as `Goal reached`."""
    return value.replace("_", " ").capitalize()


def as_json(value: Any) -> str:
    """Indented JSON for copying."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def zone(context: Context | dict[str, Any]) -> tzinfo:
    """The reader's time zone: the signed-in user's, else UTC."""
    name = getattr(context.get("principal"), "timezone", None) or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


@pass_context
def when(context: Context, value: datetime | None, style: str = "near") -> str:
    """A moment in the reader's zone.

    Styles: `near` (`2 min ago`, `in 3 h`, `yesterday 10:31`, `Sep 4`), `day` (`Mon, Sep 7 09:41`), `clock` (`09:41:07`),
    `date` (`Sep 7, 2026`), `full` (everything, for a tooltip).
    """
    if value is None:
        return EMPTY
    local, now = value.astimezone(zone(context)), (context.get("now") or clock.now())
    here = now.astimezone(local.tzinfo)
    if style == "full":
        return f"{local:%a, %b} {local.day}, {local:%Y, %H:%M:%S} {local.tzname()}"
    if style == "clock":
        return f"{local:%H:%M:%S}"
    if style == "date":
        return f"{local:%b} {local.day}, {local:%Y}"
    if style == "day":
        return f"{local:%a, %b} {local.day}{'' if local.year == here.year else f', {local:%Y}'} {local:%H:%M}"
    return _near((value - now).total_seconds(), local, here)


def _near(seconds: float, local: datetime, here: datetime) -> str:
    distance, days = abs(seconds), (local.date() - here.date()).days
    if distance < 45:
        return "now"
    if distance < 3570:
        text = f"{max(round(distance / 60), 1)} min"
    elif distance < 12 * 3600 or days == 0:
        text = f"{round(distance / 3600)} h"
    elif days in (-1, 1):
        return f"{'tomorrow' if days > 0 else 'yesterday'} {local:%H:%M}"
    else:
        return f"{local:%b} {local.day}{'' if local.year == here.year else f', {local:%Y}'}"
    return f"in {text}" if seconds > 0 else f"{text} ago"


def install(environment: Environment) -> None:
    """Give all filters of this module to an environment."""
    environment.filters.update(
        number=number,
        percent=percent,
        counted=counted,
        duration=duration,
        bytes=size,
        initials=initials,
        tint=tint,
        words=words,
        as_json=as_json,
        when=when,
    )
