"""How numbers, spans and moments read on a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from jinja2 import Environment

from app.lib import formats, translation

NOW = datetime(2026, 9, 8, 10, 42, tzinfo=UTC)


@pytest.fixture
def environment() -> Environment:
    made = Environment(autoescape=True)
    formats.install(made)
    return made


def shown(environment: Environment, value: datetime | None, style: str = "near", zone: str = "UTC") -> str:
    reader = SimpleNamespace(reading_timezone=zone)
    return environment.from_string("{{ value|when(style) }}").render(
        value=value, style=style, now=NOW, principal=reader
    )


@pytest.mark.parametrize(("value", "text"), [(None, "–"), (0, "0"), (1284, "1,284"), (1_234_567, "1,234,567")])
def test_numbers_have_separators(value: int | None, text: str) -> None:
    assert formats.number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.42, "0.4 s"),
        (12, "12 s"),
        (185, "3 min 5 s"),
        (3600, "1 h"),
        (90_000, "1 d 1 h"),
        (86_460, "1 d"),
        (None, "–"),
    ],
)
def test_durations_name_two_units_at_most(seconds: float | None, text: str) -> None:
    assert formats.duration(seconds) == text


def test_percent_of_nothing_is_a_dash() -> None:
    assert formats.percent(1, 0) == "–"
    assert formats.percent(1, 7) == "14.3%"


@pytest.mark.parametrize(
    ("name", "letters"), [("Ada Okafor", "AO"), ("mei", "ME"), ("rosa@northwind.example", "RO"), ("", "?"), ("…", "?")]
)
def test_initials(name: str, letters: str) -> None:
    assert formats.initials(name) == letters


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=20), "now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=3), "3 h ago"),
        (timedelta(hours=20), "yesterday 14:42 UTC"),
        (timedelta(days=4), "Sep 4, 10:42 UTC"),
        (timedelta(days=400), "Aug 4, 2025, 10:42 UTC"),
        (-timedelta(minutes=16), "in 16 min"),
        (-timedelta(hours=24), "tomorrow 10:42 UTC"),
    ],
)
def test_near_moments(environment: Environment, ago: timedelta, text: str) -> None:
    assert shown(environment, NOW - ago) == text


def test_moments_are_in_the_readers_zone(environment: Environment) -> None:
    moment = datetime(2026, 9, 7, 23, 30, tzinfo=UTC)
    assert shown(environment, moment, "day", "Europe/Berlin") == "Tue, Sep 8 01:30 CEST"
    assert shown(environment, moment, "full", "Europe/Berlin") == "Tue, Sep 8, 2026, 01:30:00 CEST"
    assert shown(environment, moment, "day", "Not/AZone") == "Mon, Sep 7 23:30 UTC"
    assert shown(environment, moment, "second", "America/Sao_Paulo") == "Mon, Sep 7 20:30:00 UTC-3"
    assert shown(environment, moment, "tick", "Europe/Berlin") == "01:30:00"
    assert shown(environment, moment, "weekday", "Europe/Berlin") == "Tue 01:30:00"
    assert shown(environment, moment, "heading", "Asia/Tokyo") == "Tuesday, Sep 8 · JST"
    assert shown(environment, datetime(2026, 11, 27, 13, tzinfo=UTC), "near", "Europe/Berlin") == "Nov 27, 14:00 CET"


@pytest.mark.parametrize(
    ("zone", "text"),
    [("Asia/Kolkata", "17:30 IST"), ("Pacific/Auckland", "Wed, Sep 9 00:00 NZST"), ("Africa/Lagos", ""), (None, ""), ("Mars", "")],
)  # fmt: skip
def test_the_contacts_clock_stands_beside_where_it_differs(
    environment: Environment, zone: str | None, text: str
) -> None:
    moment, reader = datetime(2026, 9, 8, 12, tzinfo=UTC), SimpleNamespace(reading_timezone="Africa/Algiers")
    there = environment.from_string("{{ value|theirs(zone) }}").render(value=moment, zone=zone, principal=reader)
    assert there == text


def test_seconds_are_shown_where_they_tell_steps_apart() -> None:
    first = datetime(2026, 9, 8, 12, 0, 1, tzinfo=UTC)
    assert formats.time_style([first, first + timedelta(milliseconds=20), None, first + timedelta(minutes=1)]) == "day"
    assert formats.time_style([first, first + timedelta(seconds=2)]) == "second"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "Yes"),
        ([False, 1e-7, None], "No, 0.0000001, –"),
        ({"a": True}, '{"a": true}'),
        (None, "–"),
        ("", "–"),
        (2.50, "2.5"),
    ],
)
def test_values_read_as_people_write_them(value: Any, text: str) -> None:
    assert formats.readable(value) == text


def test_labels_within_sentences() -> None:
    assert [formats.inline("No consent"), formats.inline("Owner", noun=True)] == ["no consent", "owner"]
    with translation.using("de"):
        assert formats.inline(translation.gettext("No consent")) == "keine Einwilligung"
        assert formats.inline(formats.words("goal_reached")) == "am Ziel"
        assert formats.inline(formats.words("owner"), noun=True) == "Owner"
