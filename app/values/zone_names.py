"""What people and programs call a time zone, understood as a name of the IANA database: Windows names, CLDR names, cities.

Names that mean several zones are decided by the workspace's country, else refused with the zones that they may mean.
"""

from __future__ import annotations

import functools
import re
import zoneinfo
from collections.abc import Iterator

from babel import Locale
from babel.core import get_global

from app.lib.normal_forms import without_accents
from app.lib.translation import gettext, translatable

_LOCALES = ("en", "de", "fr", "es", "it", "pt", "nl")
"""Languages whose names of zones and cities are known; each costs 10 ms at the first name that is not one of IANA's."""
_GOLDEN = {
    "Africa_Central": "Africa/Maputo",
    "Africa_Eastern": "Africa/Nairobi",
    "Africa_Southern": "Africa/Johannesburg",
    "Africa_Western": "Africa/Lagos",
    "Alaska": "America/Anchorage",
    "Amazon": "America/Manaus",
    "America_Central": "America/Chicago",
    "America_Eastern": "America/New_York",
    "America_Mountain": "America/Denver",
    "America_Pacific": "America/Los_Angeles",
    "Arabian": "Asia/Riyadh",
    "Argentina": "America/Argentina/Buenos_Aires",
    "Atlantic": "America/Halifax",
    "Australia_Central": "Australia/Adelaide",
    "Australia_Eastern": "Australia/Sydney",
    "Australia_Western": "Australia/Perth",
    "Brasilia": "America/Sao_Paulo",
    "Chamorro": "Pacific/Guam",
    "Chile": "America/Santiago",
    "China": "Asia/Shanghai",
    "Europe_Central": "CET",
    "Europe_Eastern": "EET",
    "Europe_Western": "WET",
    "GMT": "GMT",
    "Greenland": "America/Nuuk",
    "Greenland_Western": "America/Nuuk",
    "Gulf": "Asia/Dubai",
    "Hawaii_Aleutian": "Pacific/Honolulu",
    "India": "Asia/Kolkata",
    "Indochina": "Asia/Bangkok",
    "Indonesia_Western": "Asia/Jakarta",
    "Japan": "Asia/Tokyo",
    "Kazakhstan": "Asia/Almaty",
    "Korea": "Asia/Seoul",
    "Malaysia": "Asia/Kuala_Lumpur",
    "Mexico_Pacific": "America/Mazatlan",
    "Mongolia": "Asia/Ulaanbaatar",
    "Moscow": "Europe/Moscow",
    "New_Zealand": "Pacific/Auckland",
    "Uzbekistan": "Asia/Tashkent",
    "Yukon": "America/Whitehorse",
}
"""For CLDR groups of several zones, the zone with the most inhabitants."""
_SHORT = {
    **dict.fromkeys(("et", "est", "edt", "us eastern"), ("America/New_York",)),
    **dict.fromkeys(("ct", "cdt", "us central"), ("America/Chicago",)),
    **dict.fromkeys(("mt", "mst", "mdt", "us mountain"), ("America/Denver",)),
    **dict.fromkeys(("pt", "pst", "pdt", "us pacific"), ("America/Los_Angeles",)),
    **dict.fromkeys(("akst", "akdt"), ("America/Anchorage",)),
    **dict.fromkeys(("hst", "hast"), ("Pacific/Honolulu",)),
    **dict.fromkeys(("nst", "ndt"), ("America/St_Johns",)),
    **dict.fromkeys(("brt", "brst"), ("America/Sao_Paulo",)),
    **dict.fromkeys(("aest", "aedt", "aet"), ("Australia/Sydney",)),
    **dict.fromkeys(("acst", "acdt"), ("Australia/Adelaide",)),
    **dict.fromkeys(("nzst", "nzdt", "nzt"), ("Pacific/Auckland",)),
    **dict.fromkeys(("cest", "mez", "mesz"), ("CET",)),
    **dict.fromkeys(("eest", "oez", "oesz"), ("EET",)),
    **dict.fromkeys(("west", "wez", "wesz"), ("WET",)),
    **dict.fromkeys(("z", "coordinated universal time", "universal time coordinated"), ("UTC",)),
    **dict.fromkeys(("british summer time", "british time", "uk time", "uk"), ("Europe/London",)),
    "awst": ("Australia/Perth",),
    "msk": ("Europe/Moscow",),
    "trt": ("Europe/Istanbul",),
    "sast": ("Africa/Johannesburg",),
    "eat": ("Africa/Nairobi",),
    "cat": ("Africa/Maputo",),
    "wat": ("Africa/Lagos",),
    "jst": ("Asia/Tokyo",),
    "kst": ("Asia/Seoul",),
    "hkt": ("Asia/Hong_Kong",),
    "sgt": ("Asia/Singapore",),
    "pht": ("Asia/Manila",),
    "ict": ("Asia/Bangkok",),
    "wib": ("Asia/Jakarta",),
    "pkt": ("Asia/Karachi",),
    "npt": ("Asia/Kathmandu",),
    "art": ("America/Argentina/Buenos_Aires",),
    "cst": ("America/Chicago", "Asia/Shanghai", "America/Havana"),
    "ist": ("Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"),
    "bst": ("Europe/London", "Asia/Dhaka"),
    "ast": ("America/Halifax", "Asia/Riyadh"),
    "gst": ("Asia/Dubai", "Atlantic/South_Georgia"),
    "amt": ("America/Manaus", "Asia/Yerevan"),
    "sst": ("Pacific/Pago_Pago", "Asia/Singapore"),
}
"""Abbreviations, which no database lists with what people mean by them. IANA's own EST and MST know no summer time."""
_OFFSET = re.compile(r"(?:gmt|utc)?\s*([+-])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
MAX_LENGTH = 200
UNKNOWN = translatable("There is no time zone of this name. Write one like Europe/Berlin.")
_HALF_HOURS = {
    "+0330": "Asia/Tehran",
    "+0430": "Asia/Kabul",
    "+0530": "Asia/Kolkata",
    "+0545": "Asia/Kathmandu",
    "+0630": "Asia/Yangon",
    "+0930": "Australia/Adelaide",
    "-0330": "America/St_Johns",
}


class UnknownZone(ValueError):
    """The name of a zone is unknown; the message says what to write."""


class SeveralZones(UnknownZone):
    """The name of a zone is ambiguous, also with the country; the message lists the candidates."""


@functools.cache
def timezones() -> frozenset[str]:
    """All names of the IANA database on this machine."""
    return frozenset(zoneinfo.available_timezones() - {"Factory", "localtime", "posixrules"})


@functools.cache
def _real() -> tuple[str, ...]:
    """The zones of places, sorted: without old names of others, and without those that are only an offset."""
    territories, aliases = get_global("zone_territories"), get_global("zone_aliases")
    places = {
        name for name in timezones() if territories.get(name, "001") != "001" and name not in aliases and "/" in name
    }
    return "UTC", *sorted(places - {name for name in places if name.startswith(("Etc/", "US/"))})


def choices(chosen: str | None = None) -> list[str]:
    """The zones to offer in a form, and the one that is `chosen` if it is another."""
    return [*_real()] if not chosen or chosen in _real() else [chosen, *_real()]


def zone(text: str, country: str | None = None) -> str:
    """The IANA name, such as `Europe/Berlin`, of a zone by any of its common names. Raises UnknownZone.

    `country` (ISO 3166 alpha-2) decides between the zones that an abbreviation stands for.
    """
    return text if text in timezones() and text.lower() not in _SHORT else _understood(text, country)


@functools.lru_cache(2_000)
def _understood(text: str, country: str | None) -> str:
    if len(text) > MAX_LENGTH:
        raise UnknownZone(UNKNOWN)
    folded = _folded(text)
    meant = _SHORT.get(folded) or _iana().get(text.strip().lower()) or _offset(text) or _names().get(folded)
    if meant is None and (inner := _inside(text.strip())):
        return _understood(inner, country)
    if meant is None:
        raise UnknownZone(UNKNOWN)
    if len(meant) == 1:
        return meant[0]
    territories = get_global("zone_territories")
    in_country = [name for name in meant if country and territories.get(name) == country]
    if len(in_country) == 1:
        return in_country[0]
    *most, last = meant
    raise SeveralZones(gettext("This can mean %(most)s or %(last)s. Write which.", most=", ".join(most), last=last))


def _inside(text: str) -> str:
    """The name in what menus show: `(GMT+01:00) Berlin`, `Berlin (CET)`. Empty when this is no such thing."""
    if text[:4].lower() in ("(gmt", "(utc"):
        return text.partition(")")[2].strip()
    name, opened, inner = text.rpartition("(")
    return name.strip() if opened and inner.endswith(")") and inner.count(")") == 1 else ""


def _folded(text: str) -> str:
    """Lower case, without accents, one blank between words: how names are compared."""
    return " ".join(re.findall(r"[^\W_]+", without_accents(text).casefold()))


@functools.cache
def _iana() -> dict[str, tuple[str]]:
    return {name.lower(): (name,) for name in timezones()}


def _offset(text: str) -> tuple[str] | None:
    """`GMT+1` and `+01:00` as the zone of a fixed offset, whose name has the sign the other way round."""
    match = _OFFSET.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
    if not match:
        return None
    sign, hours, minutes = match[1], int(match[2]), match[3] or "00"
    if minutes != "00":
        near = _HALF_HOURS.get(f"{sign}{hours:02}{minutes}")
        raise UnknownZone(
            gettext(
                "Write the name of the time zone, such as %(value)s: offsets are understood in whole hours only.",
                value=near or "Europe/Berlin",
            )
        )
    if hours > (14 if sign == "+" else 12):
        raise UnknownZone(gettext("There is no time zone with this offset. Write one like Europe/Berlin."))
    return (f"Etc/GMT{'-' if sign == '+' else '+'}{hours}",) if hours else ("UTC",)


def _said() -> Iterator[tuple[str, str]]:
    """Every known name with its zone; of one name the first wins that is sure, so the exact ones come first."""
    for name, zone_name in get_global("windows_zone_mapping").items():
        yield name, zone_name
    groups: dict[str, list[str]] = {}
    for zone_name, group in get_global("meta_zones").items():
        groups.setdefault(group, []).append(zone_name)
    locales = [Locale(name) for name in _LOCALES]
    for locale in locales:
        for group, names in locale.meta_zones.items():
            meant = _GOLDEN.get(group) or (groups[group][0] if len(groups.get(group, ())) == 1 else None)
            for name in names.get("long", {}).values() if meant else ():
                yield name, str(meant)
    for zone_name in sorted(timezones(), key=lambda name: (name not in get_global("zone_territories"), name)):
        if "/" in zone_name and not zone_name.startswith(("Etc/", "SystemV/", "US/", "posix/", "right/")):
            yield zone_name.rpartition("/")[2], zone_name
    for locale in locales:
        for zone_name, names in locale.time_zones.items():
            if "city" in names:
                yield names["city"], zone_name


@functools.cache
def _names() -> dict[str, tuple[str]]:
    zones_by_name: dict[str, tuple[str]] = {}
    renamed, zone_names = get_global("zone_aliases"), timezones()
    for name, called in _said():
        folded = _folded(name)
        zone_name = renamed.get(called, called) if "/" in called else called
        if folded and zone_name in zone_names:
            zones_by_name.setdefault(folded, (zone_name,))
    return zones_by_name
