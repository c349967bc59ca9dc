"""Which path is a date of a contact, when it comes, and what becomes of those whose time has come. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dates.firing import judge
from app.dates.preview import _windows
from app.dates.repository import DueContact, DueDateSchedule
from app.flow import trigger_registry
from app.flow.contact_date import ContactDate, NoDate, date_word, names_of_contact
from app.flow.local_time import Offset
from app.values.schedule import in_month
from app.values.zone_names import timezones

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu", *sorted(timezones())]
).map(ZoneInfo)
DAYS = st.dates(date(1950, 1, 1), date(2040, 12, 31))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2036, 12, 31)).map(lambda naive: naive.replace(tzinfo=UTC))
OFFSETS = st.builds(
    Offset,
    duration=st.integers(0, 60),
    unit=st.sampled_from(["minutes", "hours", "days", "weeks"]),
    direction=st.sampled_from(["before", "after"]),
)


@pytest.mark.parametrize(
    ("field", "names"),
    [
        ("contact.attributes.birthday", ("birthday",)),
        ("contact.birthday", ("birthday",)),
        ("attributes.birthday", ("birthday",)),
        ("birthday", ("birthday",)),
        ("contact.attributes.cars[0].inspection", ("cars", "0", "inspection")),
        ("contact.created_at", ()),
        ("contact.createdAt", ()),
        ("contact.attributes.created_at", ("created_at",)),
        ("contact.email", None),
        ("contact.tags", None),
        ("contact.attributes", None),
        ("event.at", None),
        ("steps.mail.at", None),
        ("vars.x", None),
        ("consent.email", None),
        ("", None),
        ("no field", None),
    ],
)
def test_which_path_is_a_date_of_a_contact(field: str, names: tuple[str, ...] | None) -> None:
    assert names_of_contact(field) == names


def test_what_moves_it() -> None:
    nested = ContactDate("contact.attributes.cars[0].inspection", zone="contact")
    assert nested.watched == {"cars", "attributes.cars", "timezone"}
    assert nested.value_of(NOON, {"cars": [{"inspection": "2026-07-01"}]}) == "2026-07-01"
    assert nested.value_of(NOON, {"cars": "none"}) is None
    made = ContactDate("contact.created_at", zone="UTC")
    assert made.watched == frozenset() and made.value_of(NOON, {"created_at": "x"}) == NOON


@given(DAYS, st.sampled_from(["once", "year", "month"]), OFFSETS, ZONES, MOMENTS, st.none() | st.times())
def test_it_comes_in_order_on_its_day_and_never_before_it(
    day: date, every: Any, offset: Offset, zone: ZoneInfo, after: datetime, at: time | None
) -> None:
    at = at and at.replace(second=0, microsecond=0, tzinfo=None)
    watched = ContactDate("contact.x", offset, at, str(zone), every)
    some = []
    for one in watched.occurrences(day.isoformat(), zone, after):
        some.append(one)
        if len(some) == 3:
            break
    assert [one.at for one in some] == sorted({one.at for one in some}) and all(one.at > after for one in some)
    for one in some:
        assert one.local.date() >= day and one.local.time() == time()
        month = day.month if every == "year" else one.local.month
        assert one.local.date() == (day if every == "once" else in_month(one.local.year, month, day.day))
    again = next(iter(some), None)
    assert watched.following(day.isoformat(), zone, after, None) == again
    if again is not None:
        assert watched.following(day.isoformat(), zone, after, again.local) == (some[1] if len(some) > 1 else None)


def due_at(now: datetime) -> DueDateSchedule:
    """A trigger that went live long ago, in a workspace of UTC."""
    return DueDateSchedule(1, uuid4(), "t", {}, "UTC", now, None, datetime(2010, 1, 1, tzinfo=UTC), now)


@given(DAYS, st.sampled_from(["once", "year", "month"]), ZONES, ZONES, st.lists(st.integers(1, 400), max_size=12))
def test_each_date_is_fired_once_whatever_the_clock_and_the_zone_do(
    day: date, every: Any, zone: ZoneInfo, other: ZoneInfo, steps: list[int]
) -> None:
    """The clock moves by days, the contact moves between zones: what fires are different dates, in order, none in the future."""
    watched = ContactDate("contact.x", at=time(9), zone="contact", every=every)
    now, fired_for, dates, zones = datetime(2010, 1, 1, tzinfo=UTC), None, list[datetime](), (zone, other)
    following = watched.following(day.isoformat(), zone, now, None)
    next_at = following.at if following else None
    for number, days in enumerate(steps):
        now += timedelta(days=days)
        where = zones[number % 2]
        if next_at is not None and next_at <= now:
            contact = DueContact(uuid4(), next_at, fired_for, str(where), NOON, {"x": day.isoformat()})
            judged = judge(watched, contact, due_at(now), None)
            if judged.start is not None:
                assert judged.start.at <= now
                dates.append(judged.start.local)
            next_at, fired_for = judged.next_at, judged.fired_for
        else:  # the contact has moved
            following = watched.following(day.isoformat(), where, now, fired_for)
            next_at = following.at if following else None
    assert dates == sorted(set(dates))


@pytest.mark.parametrize("value", ["soon", True, [1], {"a": 1}, "2026-02-30", "99999-01-01", 1e300])
def test_what_is_no_date(value: Any) -> None:
    with pytest.raises(NoDate):
        ContactDate("contact.x").occurrences(value, ZoneInfo("UTC"), NOON)


@pytest.mark.parametrize("value", ["9999-12-31", "0001-01-01", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize("every", ["once", "year", "month"])
def test_the_ends_of_the_calendar(value: str, every: Any) -> None:
    offset = Offset(duration=60, direction="after")
    watched = ContactDate("contact.x", offset, time(9), every=every)
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        try:
            one = watched.following(value, ZoneInfo(zone), NOON, None)
        except NoDate:
            continue
        assert one is None or one.at > NOON


def test_a_date_without_a_value_comes_never() -> None:
    for value in (None, "", "  ", [], {}):
        assert ContactDate("contact.x").following(value, ZoneInfo("UTC"), NOON, None) is None


def test_an_instant_that_names_its_zone_is_that_one() -> None:
    second = "2026-10-25T02:30:00+01:00"  # the second time that clocks in Berlin show it
    one = ContactDate("contact.x", zone="Europe/Berlin").following(second, ZoneInfo("Europe/Berlin"), NOON, None)
    assert one is not None and one.at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_how_a_run_reads_its_date() -> None:
    assert date_word(datetime(2026, 6, 10)) == "2026-06-10"
    assert date_word(datetime(2026, 6, 10, 14, 30)) == "2026-06-10T14:30:00"


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        ({}, "field", "Choose a date of the contact"),
        ({"field": "contact.email"}, "field", "Choose a date of the contact: an attribute"),
        ({"field": "event.at"}, "field", "Choose a date of the contact: an attribute"),
        ({"field": "a b"}, "field", "is not a field"),
        ({"field": "x", "at": "25:00"}, "at", ""),
        ({"field": "x", "zone": "Europe/Berln"}, "zone", "There is no time zone of this name"),
        ({"field": "x", "offset": {"duration": 4000}}, "offset.duration", "at most"),
        ({"field": "x", "offset": {"duration": 400}, "every": "year"}, "offset.duration", "at most 365 days"),
        ({"field": "x", "every": "week"}, "every", ""),
        ({"field": "x", "days": 1}, "days", ""),
        ({"field": "x", "conditions": [{"field": "y", "operator": "is"}]}, "conditions[0].operator", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(data: dict[str, Any], path: str, words: str) -> None:
    kind = trigger_registry.types()["date"]
    faults = trigger_registry.diagnostics(kind, data)
    assert [(fault.path, words in fault.message) for fault in faults] == [(path, True)], faults


def test_every_trigger_that_watches_a_date_says_so_by_itself() -> None:
    kinds = trigger_registry.types()
    assert [name for name, kind in kinds.items() if "contact_date" in vars(kind)] == ["date"]
    assert all(kind.contact_date(kind.Config()) is None for kind in kinds.values()), "a new one watches nothing yet"


def test_the_days_that_come_soon() -> None:
    birthday = ContactDate("contact.x", Offset(duration=3, direction="before"), every="year")
    days, past = _windows(birthday, date(2027, 2, 10))
    assert days[:2] == (date(2027, 2, 13), date(2027, 3, 15)) and past is None
    assert days.of_year[:2] == ["0229", "0213"] and days.of_year[-1] == "0315"
    assert _windows(birthday, date(2028, 2, 10))[0].of_year[0] == "0213", "it has a 29th of its own"
