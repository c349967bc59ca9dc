"""Schedules: what is understood, what is refused and in which words, and that another implementation of cron fires at the same times."""

from __future__ import annotations

import itertools
import zlib
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from app.values.cron import BadCron, Cron, cron_of, next_fires
from app.values.zone_names import timezones

BERLIN = ZoneInfo("Europe/Berlin")
FROM, TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC)
TIMES = ["30 2 * * *", "0 0 * * *", "15 1 * * *", "59 23 * * *", "30 3 * * mon-fri"]
"""One firing a day. Zones change their clocks at midnight, at one, two or three o'clock."""


def fires(text: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    return list(itertools.takewhile(lambda instant: instant <= until, cron_of(text).fires(after, zone)))


def fires_of_another(text: str, zone: ZoneInfo, after: datetime, until: datetime) -> list[datetime]:
    instants = (moment.astimezone(UTC) for moment in CronSim(text, after.astimezone(zone)))
    return list(itertools.takewhile(lambda instant: instant <= until, instants))


ALL_THE_TIME = ["*/15 * * * *", "30 * * * *", "0 */2 * * *", "*/20 1-3 * * *", "* 2 * * sun"]
"""By the time that passes: in an hour that comes twice they fire twice, and not in one that is skipped."""


def transitions(zone: ZoneInfo) -> list[datetime]:
    """Days, in UTC, within five days after which clocks of a zone are changed."""
    days = [FROM + timedelta(days=number) for number in range(0, (TO - FROM).days, 5)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    return [day for day, before, after in zip(days, offsets, offsets[1:], strict=False) if before != after]


def by_an_hour(zone: ZoneInfo, before: datetime, later: datetime) -> bool:
    """Are clocks put forward or back by an hour, and at one, between two instants?"""
    offsets = [(one.astimezone(zone).utcoffset() or timedelta()) for one in (before, later)]
    return abs(offsets[1] - offsets[0]) == timedelta(hours=1) and not offsets[0] % timedelta(hours=1)


@pytest.mark.parametrize("name", ["Australia/Lord_Howe", "Antarctica/Casey", "Europe/Berlin", "America/Nuuk"])
def test_what_goes_on_all_the_time_fires_whenever_clocks_show_such_a_minute(name: str) -> None:
    """Clocks are looked at each minute, and the other cron asked about what they show, without zones."""
    zone = ZoneInfo(name)
    for text, change in itertools.product(ALL_THE_TIME, transitions(zone)[:3]):
        begin = next(
            at for hours in range(6 * 24)
            if (at := change + timedelta(hours=hours)).astimezone(zone).utcoffset()
            != (at + timedelta(hours=4)).astimezone(zone).utcoffset()
        )  # fmt: skip
        minutes = [begin + timedelta(minutes=number) for number in range(1, 8 * 60)]
        shown = [(at, at.astimezone(zone).replace(tzinfo=None, fold=0)) for at in minutes]
        expected = [at for at, local in shown if next(CronSim(text, local - timedelta(minutes=1))) == local]
        assert fires(text, zone, begin, minutes[-1]) == expected, (text, change)


@pytest.mark.parametrize("share", range(4))
def test_around_every_change_of_clocks_it_fires_as_another_cron_does(share: int) -> None:
    """All zones and ten years of their changes, with one time of day for each change."""
    zones = [name for name in sorted(timezones()) if zlib.crc32(name.encode()) % 4 == share]
    changes = 0
    for number, name in enumerate(zones):
        zone = ZoneInfo(name)
        for change in transitions(zone):
            changes += 1
            span = change - timedelta(days=1), change + timedelta(days=6)
            # Of what goes on all the time the other one passes some minutes by where clocks change by anything but a full hour.
            texts = [*TIMES, *ALL_THE_TIME] if by_an_hour(zone, *span) else TIMES
            text = texts[(number + changes) % len(texts)]
            assert fires(text, zone, *span) == fires_of_another(text, zone, *span), (name, text, change)
    assert len(zones) > 50 and changes > 100


def test_over_ten_years_it_fires_as_another_cron_does() -> None:
    """Rare schedules, so that ten years of them are few firings: every one is compared, in fifty zones."""
    rare = ["0 9 1 * *", "30 2 29 2 *", "0 12 l 3,10 *", "45 23 31 */5 *", "0 8 * 6 sun#1", "0 6 13 * fri"]
    zones = [name for name in sorted(timezones()) if "/" in name and zlib.crc32(name.encode()) % 8 == 0]
    for number, name in enumerate(zones):
        text = rare[number % len(rare)]
        instants = fires(text, ZoneInfo(name), FROM, TO)
        assert instants == fires_of_another(text, ZoneInfo(name), FROM, TO), (name, text)
        assert instants
    assert len(zones) > 40


def _field(low: int, high: int) -> st.SearchStrategy[str]:
    number = st.integers(low, high)
    span = st.tuples(number, number).map(lambda pair: f"{min(pair)}-{max(pair)}")
    # What a range of one number with a step means, the two do not agree on.
    longer = st.tuples(st.integers(low, high - 1), st.just(high)).map(lambda pair: f"{pair[0]}-{pair[1]}")
    stepped = st.tuples(st.one_of(st.just("*"), longer), st.integers(1, max(high, 2))).map(
        lambda pair: f"{pair[0]}/{pair[1]}"
    )
    part = st.one_of(number.map(str), span, stepped)
    return st.one_of(st.just("*"), st.lists(part, min_size=1, max_size=3).map(",".join))


EXPRESSIONS = st.tuples(_field(0, 59), _field(0, 23), _field(1, 28), _field(1, 12), _field(0, 7)).map(" ".join)


@given(EXPRESSIONS, st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_any_schedule_fires_as_another_cron_does(text: str, naive: datetime) -> None:
    after = naive.replace(tzinfo=UTC)
    others = [moment.astimezone(UTC) for moment in itertools.islice(CronSim(text, after), 5)]
    assert next_fires(Cron(text), after, ZoneInfo("UTC"), 5) == others


@given(EXPRESSIONS, st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Nuuk"]))
def test_what_fires_at_times_of_a_day_does_so_once_a_day(text: str, name: str) -> None:
    """From a week before clocks are put back, and forward. Whatever fires: looking again from any firing goes on behind it."""
    zone = ZoneInfo(name)
    for day in (datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)):
        instants = next_fires(Cron(text), day, zone, 60)
        assert instants == sorted(set(instants))
        shown = [instant.astimezone(zone).replace(tzinfo=None) for instant in instants]
        assert len(set(shown)) == len(shown) or Cron(text).goes_on
        for instant in instants[:5]:
            assert cron_of(text).next_after(instant - timedelta(seconds=1), zone) == instant


@pytest.mark.parametrize(
    "text", ["0 0 1,*/2 * 0-6", "0 0 13 * 0,1-7/1", "0 0 1-31 * mon", "0 0 3,*/1 * 5", "0 0 13 * sun,1-6"]
)
def test_either_day_is_enough_also_where_one_list_holds_every_day(text: str) -> None:
    after = datetime(2026, 1, 1, tzinfo=UTC)
    assert next_fires(Cron(text), after, ZoneInfo("UTC"), 40) == [after + timedelta(days=day) for day in range(1, 41)]


def test_over_the_two_days_of_summer_time() -> None:
    spring, autumn = datetime(2026, 3, 28, 23, tzinfo=UTC), datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert next_fires(Cron("30 2 * * *"), spring, BERLIN, 2) == [
        datetime(2026, 3, 29, 1, tzinfo=UTC),  # 2:30 does not exist: the moment of the jump
        datetime(2026, 3, 30, 0, 30, tzinfo=UTC),
    ]
    assert next_fires(Cron("30 2 * * *"), autumn, BERLIN, 2) == [
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),  # the first of the two
        datetime(2026, 10, 26, 1, 30, tzinfo=UTC),
    ]
    assert len(fires("*/15 * * * *", BERLIN, spring, spring + timedelta(hours=23))) == 23 * 4
    assert len(fires("*/15 * * * *", BERLIN, autumn, autumn + timedelta(hours=25))) == 25 * 4
    assert [instant.hour for instant in fires("30 * * * *", BERLIN, autumn, autumn + timedelta(hours=4))] == [
        22,
        23,
        0,
        1,
    ]


@given(EXPRESSIONS, st.sampled_from(["Europe/Berlin", "Australia/Lord_Howe", "America/Nuuk"]), st.integers(-180, 180))
def test_it_may_be_asked_from_any_moment_around_a_change(text: str, name: str, minutes: int) -> None:
    """The rest of a list is the list from there: a worker that looks again forgets nothing and fires nothing twice."""
    zone = ZoneInfo(name)
    for change in transitions(zone)[:2]:
        begin = change + timedelta(days=2, minutes=minutes)
        many = next_fires(Cron(text), begin, zone, 30)
        assert many == sorted(set(many))
        for place in (0, 1, 5, 20):
            assert next_fires(Cron(text), many[place], zone, 5) == many[place + 1 : place + 6]


def test_a_range_of_one_day_is_that_day() -> None:
    """The library takes `sun-sun` for the whole week."""
    for text in ("0 9 * * 0-0", "0 9 * * sun-sun", "0 9 * * 7-7", "0 9 * * sun-sun/2"):
        (first, second) = next_fires(Cron(text), datetime(2026, 6, 1, tzinfo=UTC), BERLIN, 2)
        assert (first.weekday(), second - first) == (6, timedelta(days=7)), text


def test_29_february() -> None:
    assert [
        instant.year for instant in next_fires(Cron("0 9 29 feb *"), datetime(2025, 1, 1, tzinfo=UTC), BERLIN, 3)
    ] == [2028, 2032, 2036]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Write five fields"),
        ("* * * *", "Write five fields"),
        ("0 0 9 * * *", "no seconds"),
        ("0 9 * * * 2026", "no years"),
        ("@daily", "Nicknames"),
        ("@reboot", "Nicknames"),
        ("R 9 * * *", "“r” is not understood"),
        ("H 9 * * *", "“h” is not understood"),
        ("H/15 * * * *", "is not understood"),
        ("r(0-30) * * * *", "is not understood"),
        ("60 9 * * *", "number from 0 to 59"),
        ("0 24 * * *", "Hour: "),
        ("0 9 0 * *", "Day of the month: "),
        ("0 9 * 13 *", "a name such as jan"),
        ("0 9 * foo *", "Month: "),
        ("0 9 * * 8", "a name such as sun"),
        ("0 9 * * fri-mon", "runs backwards"),
        ("50-10 * * * *", "runs backwards"),
        ("*/0 * * * *", "Minute: a step"),
        ("*/99 * * * *", "Minute: a step"),
        ("*-5 * * * *", "a range such as"),
        ("0 9 15w * *", "Day of the month: "),
        ("0 9 * * 5l", "Day of the week: "),
        ("0 9 ? * *", "Day of the month: "),
        ("0 9 * * mon#6", "Day of the week: "),
        ("0 9 * * mon#1,fri", "cannot be understood"),
        ("0 9 31 2 *", "There is no such day"),
        ("0 9 30,31 feb *", "There is no such day"),
        ("١ 9 * * *", "Minute: "),
        ("0 9 * * *\n@daily", "no years"),
        ("1," * 150 + "1 * * * *", "at most 200"),
    ],
)
def test_what_is_no_schedule_is_refused_in_words(text: str, words: str) -> None:
    with pytest.raises(BadCron) as refusal:
        Cron(text)
    assert words in str(refusal.value) and str(refusal.value).endswith(".")
