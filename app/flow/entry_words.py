"""What a workflow's settings say of who may enter, when and how fast, as sentences for people. Pure."""

from __future__ import annotations

from datetime import datetime

from app.flow.entry_limits import EntryLimits, Opening
from app.flow.settings import FlowSettings
from app.lib.formats import counted, number
from app.lib.translation import gettext, long_moment, ngettext
from app.lib.zones import zone_word


def limit_sentences(settings: FlowSettings, workspace_zone: str) -> list[str]:
    """One for each limit and date, none where there is none."""
    limits, opening = EntryLimits.of(settings), Opening.of(settings, workspace_zone)
    sentences = []
    if opening.opens is not None:
        sentences.append(gettext("Nobody enters before %(moment)s.", moment=_moment(opening.opens)))
    if opening.closes is not None:
        sentences.append(
            gettext("Nobody enters from %(moment)s on; whoever is active continues.", moment=_moment(opening.closes))
        )
    if limits.per_minute:
        sentences.append(
            gettext(
                "At most %(per_minute)s enter in a minute, %(spread)s; others wait in line.",
                per_minute=number(limits.per_minute),
                spread=_spread(limits.per_minute),
            )
        )
    if limits.at_once:
        sentences.append(
            gettext(
                "At most %(at_once)s are inside at the same time; others wait in line until somebody leaves.",
                at_once=number(limits.at_once),
            )
        )
    if limits.most:
        sentences.append(gettext("It takes %(most)s entries in all.", most=number(limits.most)))
    return sentences


EXAMPLE = 10_000
"""How many come at once where nobody knows who matches."""


def waiting_sentence(people: int | None, settings: FlowSettings) -> str:
    """How long so many take who come at once (None: not known, so for example); empty where the settings do not say."""
    limits = EntryLimits.of(settings)
    many = EXAMPLE if people is None else people
    most = min(many, limits.most or many)
    if not most or not limits.per_minute:
        return ""
    time = length_in_words(60 * most / limits.per_minute)
    if people is None:
        return gettext(
            "If %(most)s come at once, the last of them enters after %(time)s.", most=number(most), time=time
        )
    return ngettext(
        "%(number)s matching contact takes %(time)s.",
        "%(number)s matching contacts take %(time)s.",
        most,
        number=number(most),
        time=time,
    )


def length_in_words(seconds: float) -> str:
    """`less than a minute`, `about 7 hours`, `about 3 days`."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size * 0.95 and (unit != "day" or seconds >= 2 * size):
            amount = max(1, round(seconds / size))
            return gettext("about %(time)s", time=counted(amount, unit))
    return gettext("less than a minute")


def _spread(per_minute: int) -> str:
    seconds = 60 / per_minute
    if seconds < 0.1:
        return gettext("%(number)s a second", number=number(per_minute / 60))
    shown = f"{seconds:.2g}"
    digits = len(shown.partition(".")[2])
    return ngettext(
        "one each %(number)s second",
        "one each %(number)s seconds",
        1 if seconds == 1 else 2,
        number=number(float(shown), digits),
    )


def _moment(at: datetime) -> str:
    """`30 November 2026, 09:00 CET`."""
    return f"{long_moment(at)} {zone_word(at)}"
