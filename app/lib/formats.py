"""How values read on a page: numbers, spans of time, moments in the reader's zone and language. Jinja filters of every template."""

from __future__ import annotations

import functools
import json
import zlib
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from babel.dates import format_datetime, format_skeleton
from jinja2 import Environment, pass_context
from jinja2.runtime import Context

from app.lib import clock, translation
from app.lib.conversions import plain_json, printed
from app.lib.translation import gettext, ngettext, translatable
from app.lib.zones import known_zone, zone_of, zone_word

AVATAR_TINTS = 8
EMPTY = "–"


def number(value: float | None, digits: int = 0) -> str:
    """`12345` as `12,345`; None as a dash."""
    if value is None:
        return EMPTY
    written = f"{value:,.{digits}f}"
    return (
        written
        if translation.language() == translation.ENGLISH
        else written.translate(_separators(translation.language()))
    )


@functools.cache
def _separators(language: str) -> dict[int, str]:
    """What stands for the comma and the point of English numbers. Babel takes thirty times as long, and pages have hundreds."""
    symbols = translation.locale().number_symbols["latn"]
    return {ord(","): symbols["group"], ord("."): symbols["decimal"]}


def percent(part: float | None, whole: float | None, digits: int = 1) -> str:
    """`part` of `whole` as `14.3%`; a dash when there is nothing to divide by."""
    return gettext("%(number)s%%", number=number(100 * (part or 0) / whole, digits)) if whole else EMPTY


def counted(value: int, one: str, many: str = "", *, at_least: bool = False) -> str:
    """`1 run`, `2 runs`, `1,204 people`; `10,000+ runs` of those that were counted no further."""
    written = number(value) + ("+" if at_least else "")
    texts = f"%(number)s {one}", f"%(number)s {many or one + 's'}"
    return ngettext(*texts, max(value, 2) if at_least else value, number=written)


def duration(value: float | timedelta | None) -> str:
    """Seconds as the two largest units: `0.4 s`, `12 s`, `3 min 5 s`, `1 d 1 h`."""
    if value is None:
        return EMPTY
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    if seconds < 10:
        return gettext("%(number)s s", number=number(max(seconds, 0), 1))
    whole, words = round(seconds), []
    for unit, size in _UNITS:
        amount, whole = divmod(whole, size)
        if amount:
            words.append(gettext(unit, number=amount))
        elif words:
            break
    return " ".join(words[:2])


_UNITS = (
    (translatable("%(number)s d"), 86400),
    (translatable("%(number)s h"), 3600),
    (translatable("%(number)s min"), 60),
    (translatable("%(number)s s"), 1),
)


def size(value: int) -> str:
    """Bytes as `812 B`, `1.9 KB`, `3.2 MB`."""
    if value < 1000:
        return f"{value} B"
    return f"{number(value / 1000, 1)} KB" if value < 1_000_000 else f"{number(value / 1_000_000, 1)} MB"


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
    """`goal_reached` as `Goal reached`, in the reader's language."""
    return gettext(value.replace("_", " ").capitalize())


def inline(label: str, *, noun: bool = False) -> str:
    """A label within a sentence. Elsewhere than in English its first letter alone becomes small, and of a noun none."""
    if translation.language() == translation.ENGLISH:
        return label.lower()
    return label if noun else label[:1].lower() + label[1:]


def word_inside(value: str, *, noun: bool = False) -> str:
    """A status, role or kind (`goal_reached`) as a word within a sentence, in the reader's language."""
    return inline(words(value), noun=noun)


def as_json(value: Any) -> str:
    """Indented JSON for copying."""
    return json.dumps(plain_json(value), indent=2, ensure_ascii=False)


def readers_zone(context: Context | dict[str, Any]) -> tzinfo:
    """The reader's time zone: their own, or that of the workspace they are signed in to; else UTC."""
    return zone_of(getattr(context.get("principal"), "reading_timezone", None))


@pass_context
def when(context: Context, value: datetime | None, style: str = "near") -> str:
    """A moment in the reader's zone, as `moment_text` says it."""
    return moment_text(value, readers_zone(context), context.get("now") or clock.now(), style)


def moment_text(value: datetime | None, zone: tzinfo, now: datetime, style: str = "near") -> str:
    """A moment in words, with the short name of its zone behind each time of day.

    Styles: `near` (`2 min ago`, `in 3 h`, `yesterday 10:31 CET`, `Sep 4, 14:00 CEST`), `day` (`Mon, Sep 7 09:41 CEST`), `second`
    (the same with seconds), `short` (`Sep 7, 09:41:07 CEST`), `clock` (`09:41 CEST`), `date` (`Sep 7, 2026`), `full` (everything,
    for a tooltip). Below a heading (`heading`: `Monday, Sep 7 · CEST`), which has day and zone: `minute` (`09:41`), `tick`
    (`09:41:07`), `weekday` (`Mon 09:41:07`, where the day is one of a few).
    """
    if value is None:
        return EMPTY
    local, local_now = value.astimezone(zone), now.astimezone(zone)
    word, year = zone_word(local), "" if local.year == local_now.year else "y"
    match style:
        case "full":
            return f"{_written('yMMMEd', local)}, {_written('Hms', local)} {word}"
        case "minute":
            return _written("Hm", local)
        case "tick" | "weekday":
            return _written("EHms" if style == "weekday" else "Hms", local)
        case "clock":
            return f"{_written('Hm', local)} {word}"
        case "date":
            return _written("yMMMd", local)
        case "short":
            return f"{_written(year + 'MMMd', local)}, {_written('Hms', local)} {word}"
        case "heading":
            weekday = format_datetime(local, "EEEE", locale=translation.locale())
            return f"{weekday}, {_written(year + 'MMMd', local)} · {word}"
        case "day" | "second":
            return f"{_written(year + 'MMMEd', local)} {_written('Hms' if style == 'second' else 'Hm', local)} {word}"
    far = f"{_written(year + 'MMMd', local)}, {_written('Hm', local)} {word}"
    return _near((value - now).total_seconds(), local, local_now, far)


def own_time(value: datetime, style: str = "day") -> str:
    """A moment on the clock that it was written by, as that of a contact: its zone is not the reader's."""
    return moment_text(value, value.tzinfo or UTC, clock.now(), style)


def _written(skeleton: str, local: datetime) -> str:
    """The parts of a moment that a skeleton of CLDR names, in the order and with the marks of the reader's language."""
    return format_skeleton(skeleton, local, locale=translation.locale())


def _near(seconds: float, local: datetime, local_now: datetime, far: str) -> str:
    distance, days = abs(seconds), (local.date() - local_now.date()).days
    if distance < 45:
        return gettext("now")
    if distance < 3570:
        text = gettext("%(number)s min", number=max(round(distance / 60), 1))
    elif distance < 12 * 3600 or days == 0:
        text = gettext("%(number)s h", number=round(distance / 3600))
    elif days in (-1, 1):
        time = f"{_written('Hm', local)} {zone_word(local)}"
        return gettext("tomorrow %(time)s", time=time) if days > 0 else gettext("yesterday %(time)s", time=time)
    else:
        return far
    return gettext("in %(time)s", time=text) if seconds > 0 else gettext("%(time)s ago", time=text)


@pass_context
def contact_time(context: Context, value: datetime | None, timezone: str | None) -> str:
    """The same moment where the contact is: `15:00 EST`, with the day where it is another one; nothing where clocks agree."""
    zone = known_zone(timezone or "")
    if value is None or zone is None:
        return ""
    local, reader = value.astimezone(zone), value.astimezone(readers_zone(context))
    if local.utcoffset() == reader.utcoffset():
        return ""
    day = "" if local.date() == reader.date() else f"{_written('MMMEd', local)} "
    return f"{day}{_written('Hm', local)} {zone_word(local)}"


def time_style(moments: Iterable[datetime | None]) -> str:
    """`second` when two different moments fall into one minute, so that they can be told apart; else `day`."""
    distinct_moments = {moment.replace(microsecond=0) for moment in moments if moment is not None}
    return "second" if len({moment.replace(second=0) for moment in distinct_moments}) < len(distinct_moments) else "day"


def readable(value: Any, empty: str = EMPTY) -> str:
    """A value of a contact, an event or a step as people read it: `Yes`, `3`, `a, b`; objects as JSON, nothing as a dash."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    if isinstance(value, list) and not any(isinstance(item, list | dict) for item in value):
        return ", ".join(readable(item) for item in value) or empty
    return printed(value) or empty


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
        inline=inline,
        as_json=as_json,
        when=when,
        theirs=contact_time,
        own_time=own_time,
        time_style=time_style,
        readable=readable,
    )
