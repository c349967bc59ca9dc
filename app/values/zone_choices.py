"""Time zones as forms offer them: by city, with country and present offset, in the reader's language, and by what words they are found."""

from __future__ import annotations

import functools
from datetime import timedelta
from typing import NamedTuple

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location, get_timezone_name

from app.lib import clock, translation
from app.lib.normal_forms import name_order
from app.lib.zones import zone_of
from app.values import zone_names


class ZoneChoice(NamedTuple):
    """A zone of a form."""

    name: str
    """Of the IANA database."""
    text: str
    """`Berlin · Germany · UTC+1`."""
    words: str
    """What else people search it by: its name, the names of its time, its country in English, other ways to write the offset."""


def offered_zones(chosen: str | None = None) -> list[ZoneChoice]:
    """The zones of places and UTC, and the one that is `chosen` if it is another; by name of the city.

    A word that stands for somebody's zone, as `workspace`, is none: forms offer those by themselves.
    """
    names = zone_names.choices(chosen if chosen in zone_names.timezones() else None)
    listed = sorted((_choice(name, translation.language()) for name in names), key=lambda one: name_order(one.text))
    return sorted(listed, key=lambda one: one.name != "UTC")


def zone_text(name: str) -> str:
    """A zone in the words of the forms; a name that is none stays as it is."""
    return _choice(name, translation.language()).text if name in zone_names.timezones() else name


def _choice(name: str, language: str) -> ZoneChoice:
    if name == "UTC":
        return ZoneChoice(name, name, "gmt coordinated universal time weltzeit +0 +00:00")
    city, country, words = _place(name, language)
    now = clock.now().astimezone(zone_of(name))
    offset = now.utcoffset() or timedelta()
    hours, minutes = divmod(abs(int(offset.total_seconds())) // 60, 60)
    sign = "-" if offset < timedelta() else "+"
    short = f"{sign}{hours}:{minutes:02}" if minutes else f"{sign}{hours}"
    text = " · ".join(part for part in (city, country if country != city else "", f"UTC{short}") if part)
    return ZoneChoice(name, text, f"{words} gmt{short} {sign}{hours:02}:{minutes:02} {now.tzname()}")


@functools.lru_cache(2_000)
def _place(name: str, language: str) -> tuple[str, str, str]:
    """City, country, and the words that do not depend on the time of the year."""
    locale, territory = Locale.parse(language), get_global("zone_territories").get(name, "001")
    city = str(get_timezone_location(name, locale=locale, return_city=True))
    country = locale.territories.get(territory, "") if territory != "001" else ""
    spoken = {str(get_timezone_name(name, width="long", locale=one)) for one in (locale, "en")}
    english = Locale.parse("en").territories.get(territory, "")
    return city, country, " ".join([*dict.fromkeys((name, name.replace("_", " "))), english, *sorted(spoken)])
