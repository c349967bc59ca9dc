"""The route before the framework answers and stores what the application does, to the byte, and refuses what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from app.events import ingest
from app.lib.ids import uuid7
from app.web import bodies, rate_limit, small_bodies
from app.web.rate_limit import Buckets, Limit
from app.web.request_metrics import REQUESTS
from tests.events import test_api
from tests.events.test_api import EVENTS, FIRST
from tests.fixtures.routes import JSON, Sides


def cases_of(test: Any, place: int = 0) -> list[Any]:
    """What a parametrised test of the plain route is given."""
    return [case[place] if isinstance(case, tuple) else case for case in test.pytestmark[0].args[1]]


LONG = [{"name": f"n{number}", "externalId": "u1", "id": f"l-{number}"} for number in range(40)]
PLAIN: list[Any] = [
    {"name": "a", "externalId": "u1"},
    {"name": " a ", "externalId": " u1 ", "properties": {}},
    {"name": "a", "contactId": "ADA", "properties": {"text": 'a "b" \\ {:[', "at": "10:00", "deep": {"x": [1, None, "ü"]}}},
    {"name": "a", "email": "Ada@Example.com", "externalId": None, "id": None, "occurredAt": None},
    FIRST,
    {**FIRST, "id": "o-3", "occurredAt": "2024-03-01T10:00:00.000001+02:00", "properties": {"n": 1.5, "big": 12345678901234567}},
    [
        {"name": "a", "externalId": "u1", "id": "o-4"}, {"name": "b", "contactId": "ADA", "id": "o-2"},
        {"name": "c", "email": "ada@example.com"},
    ],
    LONG,
    {"name": "a", "externalId": "new"},
    [{"name": "a", "externalId": "u1"}, {"name": "a", "email": "New@example.com"}, {"name": "b", "externalId": " new "}],
    [
        {"name": "a", "externalId": "x", "id": "o-5"}, {"name": "b", "externalId": "x"}, {"name": "c", "email": "x@example.com"},
        {"name": "d", "contactId": "ADA", "occurredAt": "2024-03-01T10:00:00Z"}, {"name": "e", "email": "a@example.com"},
    ],
    b'\n [ {"name":"\\u0041\\u00fc","externalId":"u1","properties":{"\\u006b":[[],{}]}} ] ',
]  # fmt: skip


@pytest.mark.parametrize("encoding", ["identity", "gzip, br"])
async def test_plain_events_are_stored_and_answered_alike(sides: Sides, encoding: str) -> None:
    for content in PLAIN:
        before = sides.app.store.stored
        assert await sides.alike(content, **{"accept-encoding": encoding}) == 202, content
        expected = len(content) if isinstance(content, list) else 1
        assert sides.app.store.stored - before == expected, "before the framework"
    assert len(sides.stored_alike()) > 2 * sides.app.store.stored


async def test_a_property_that_says_what_a_bracket_is_stays_plain(sides: Sides) -> None:
    for number in range(3):
        assert (
            await sides.alike(
                {"name": "a", "externalId": "u1", "properties": {"json": '{"a": [1, 2]}'}, "id": f"{number}"}
            )
            == 202
        )
    assert sides.app.store.stored == 3
    sides.stored_alike()


LEFT: list[Any] = [
    *([{"name": "good", "externalId": "u1"}, event] for event in cases_of(test_api.test_what_does_not_fit_is_named_and_nothing_is_stored)),
    *cases_of(test_api.test_broken_bodies_are_refused),
    [{"name": "a", "externalId": "u1"}] * 1_001,
    b'{"name":"a","externalId":"u1","name":"b"}',
    b'{"name":"a","externalId":"u1","properties":{"a":1,"a":2}}',
    b'{"name":"a","externalId":"u1","properties":{"a":[{"b":1,"b":1}],"c":":"}}',
    {"name": "a", "externalId": "u1", "properties": {"a": "\0"}},
    {"name": "a", "contactId": str(uuid7())},
    [{"name": "a", "externalId": "u1", "id": "x"}, {"name": "b", "externalId": "u1", "id": "x"}],
    {"name": "contact.unsubscribed", "externalId": "u1"},
    [{"name": "a", "externalId": "newest"}, {"name": "a", "contactId": str(uuid7())}],
    [{"name": "a", "externalId": "u1", "id": "y"}, {"name": "a", "externalId": "u1", "id": "y"}],
]  # fmt: skip


async def test_whatever_is_not_plain_is_left_to_the_application(sides: Sides) -> None:
    statuses = {await sides.alike(content) for content in LEFT}
    assert sides.app.store.stored == 0 and statuses == {202, 400, 409, 422}
    sides.stored_alike()


async def test_an_id_that_is_known_is_compared_alike(sides: Sides) -> None:
    assert await sides.alike(FIRST) == 202
    for change in cases_of(test_api.test_an_id_with_other_content_is_refused):
        other = {name: value for name, value in {**FIRST, **change}.items() if value is not None}
        assert await sides.alike(other) == 409
        assert await sides.alike([{"name": "ok", "externalId": "u1"}, other]) == 409
    assert await sides.alike(FIRST) == 202, "the same again is a duplicate"
    assert sides.app.store.stored == 1
    sides.stored_alike()


async def test_odd_headers_are_left_to_the_application(sides: Sides) -> None:
    for headers, status in (
        ({"idempotency-key": "r-1"}, 202),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/json; charset=latin-1"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"authorization": "Bearer tl_0123456789_nobody"}, 401),
        ({"authorization": ""}, 401),
        ({"cookie": "a=b"}, 202),
    ):
        for _ in range(2):
            assert await sides.alike({"name": "a", "externalId": "u1"}, **headers) == status
    assert sides.app.store.stored == 0
    sides.stored_alike()


async def test_parameters_of_the_address_are_refused_alike(sides: Sides) -> None:
    answers = [
        await one.client.post(f"{EVENTS}?dryRun=1", json={"name": "a", "externalId": "u1"})
        for one in (sides.fast, sides.plain)
    ]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert answers[0].text == answers[1].text and answers[0].headers == answers[1].headers
    sides.stored_alike()


@pytest.mark.parametrize(("most", "value"), [("MAX_WAITING", 0), ("MAX_WAITING_BYTES", 10)])
async def test_a_full_queue_says_when_to_come_back(
    sides: Sides, monkeypatch: pytest.MonkeyPatch, most: str, value: int
) -> None:
    monkeypatch.setattr(ingest, most, value)
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 503
    assert sides.app.store.space.events == sides.app.store.space.bytes == 0
    monkeypatch.undo()
    assert await sides.alike({"name": "a", "externalId": "u1"}) == 202


async def test_whoever_asks_too_often_is_told_once(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the route takes from a bucket the application does not take again, also when it decides."""
    now = 0.0
    limits = rate_limit.limits_of(sides.app.framework)
    monkeypatch.setattr(limits, "events", Buckets(Limit("events", 6, 60), lambda: now))
    plain, known = {"name": "a", "externalId": "u1"}, {"name": "a", "externalId": "u1", "id": "x"}
    statuses = [
        await sides.alike(content) for content in (plain, known, known, [plain, {"name": ""}], plain, plain, plain)
    ]
    assert statuses == [202, 202, 202, 422, 202, 202, 429]
    now += 10
    assert [await sides.alike(plain) for _ in range(2)] == [202, 429]


async def test_requests_are_counted_once_by_route(sides: Sides) -> None:
    def counted() -> dict[str, float]:
        return {
            sample.labels["status"]: sample.value
            for metric in REQUESTS.collect()
            for sample in metric.samples
            if sample.name.endswith("_count") and (sample.labels["method"], sample.labels["route"]) == ("POST", EVENTS)
        }

    before = counted()
    for content in ({"name": "a", "externalId": "u1"}, {"name": "a", "externalId": "new"}, {"name": ""}):
        await sides.fast.send(content)
    after = counted()
    assert {status: after[status] - before.get(status, 0) for status in ("202", "422")} == {"202": 2, "422": 1}


async def test_a_body_that_comes_too_slowly_is_refused_alike(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bodies, small_bodies):
        monkeypatch.setattr(
            module,
            "settings",
            lambda: SimpleNamespace(web=SimpleNamespace(body_seconds=0.01, body_rate=1_000, body_limit=9_999)),
        )

    async def endless(first: float) -> AsyncIterator[bytes]:
        await asyncio.sleep(first)
        yield b'{"name":'
        await asyncio.sleep(0.1)
        yield b'"a"}'

    headers = {**JSON, "content-length": "12"}
    for first in (0.0, 0.1):
        answers = [
            await one.client.post(EVENTS, content=endless(first), headers=headers) for one in (sides.fast, sides.plain)
        ]
        assert [answer.status_code for answer in answers] == [408, 408]
        assert answers[0].text == answers[1].text and answers[0].headers.raw == answers[1].headers.raw
