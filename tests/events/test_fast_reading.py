"""What is read for the fast route is what the careful reading takes, with the same content."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.events.fast_reading import BY, NO_TEXT, SEPARATOR, PlainEvent, read_plain
from app.events.schemas import MAX_AHEAD, Accepted, read_events
from app.lib import clock
from app.lib.binary_fields import NULL, instant

TEXTS = st.sampled_from(
    [
        "u1",
        " u1 ",
        "",
        "  ",
        "a\0b",
        "a\x1fb",
        "\x1e",
        "a\tb",
        "contact.unsubscribed",
        "x" * 201,
        "ü",
        "a:b",
        '"',
        "\\",
        "ada@Example.com",
        "ada@",
    ]
)
TIMES = [
    None, "2024-03-01T10:00:00Z", "2024-03-01T10:00:00+02:00", "2999-01-01T00:00:00Z", "0001-01-01T00:00:00Z"
]  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=2), max_leaves=6
)
EVENTS = st.fixed_dictionaries(
    {"name": TEXTS | SCALARS},
    optional={
        "contactId": st.sampled_from([None, "7", "01900000-0000-7000-8000-000000000001"]),
        "externalId": TEXTS | SCALARS,
        "email": TEXTS,
        "properties": st.dictionaries(TEXTS, DOCUMENTS, max_size=3) | SCALARS,
        "occurredAt": st.sampled_from(TIMES),
        "id": TEXTS | st.none(),
        "more": SCALARS,
    },
)  # fmt: skip


def shown(event: PlainEvent) -> tuple[Any, ...]:
    """A row as the statement gets it."""

    def content(field: bytes) -> bytes | None:
        return None if field == NULL else field[4:]

    occurred = content(event.occurred)
    return (
        event.name,
        BY[int.from_bytes(event.kind[4:], "big")],
        event.value,
        msgspec.json.decode(event.properties[5:]),
        instant(int.from_bytes(occurred, "big", signed=True)) if occurred is not None else None,
        event.key,
    )


def accepted(event: Accepted) -> tuple[Any, ...]:
    return event.name, event.by, str(event.who), msgspec.json.decode(event.properties), event.occurred_at, event.key


@given(st.lists(EVENTS, max_size=3) | EVENTS, st.booleans())
@example([{"name": "a", "externalId": "u1", "id": "x"}, {"name": "a", "externalId": "u1", "id": "x"}], True)
@example({"name": " a ", "email": "Ada@Example.com", "properties": {"a:b": ["{", {"c": 1.5}]}}, False)
def test_what_is_taken_is_what_the_careful_reading_takes(document: Any, compact: bool) -> None:
    body = json.dumps(document, separators=(",", ":") if compact else None, ensure_ascii=compact).encode(
        errors="surrogatepass"
    )
    plain = read_plain(body, clock.now() + MAX_AHEAD)
    if plain is None:
        return
    careful = read_events(body)
    assert not careful.field_errors and careful.many == plain.many
    assert [shown(event) for event in plain.events] == [accepted(event) for event in careful.events]
    assert [event.at for event in plain.events] == [event.occurred_at for event in careful.events]
    texts = [text for event in plain.events for text in (event.name, event.value, event.key or "")]
    assert not any(SEPARATOR in text or NO_TEXT in text for text in texts)


LATEST = datetime(2026, 6, 1, tzinfo=UTC)


def test_usual_events_are_plain() -> None:
    """Else everybody would be sent the slow way, and no other test would tell."""
    event = {
        "name": "order.placed", "externalId": "42", "id": "order-1001", "occurredAt": "2026-05-31T23:00:00+02:00",
        "properties": {"total": 99.5, "url": "https://shop.example/a?b=c", "items": [{"sku": "a", "n": 1}, {"sku": "b", "n": 2}]},
    }  # fmt: skip
    plain = read_plain(json.dumps([event, {"name": "a", "email": "ada@example.com"}]).encode(), LATEST)
    assert plain is not None and len(plain.events) == 2 and plain.many
    assert shown(plain.events[0])[2:4] == ("42", event["properties"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"name":"a","name":"b","externalId":"u1"}',
        b'{"name":"a","externalId":"u1","\\u006eame":"b"}',
        b'{"name":"a","externalId":"u1","properties":{"a":1,"a":1}}',
        b'{"name":"a","externalId":"u1","properties":{"u":"http://x","b":{"a":1,"a":1}}}',
        b'[{"name":"a","externalId":"u1"},{"name":"a","externalId":"u1","properties":{"a":[[{"b":1,"b":2}]]}}]',
    ],
)
def test_a_member_that_is_written_twice_is_never_plain(body: bytes) -> None:
    assert read_plain(body, LATEST) is None


def test_limits_are_those_of_the_careful_reading() -> None:
    def sent(**more: Any) -> bytes:
        return json.dumps({"name": "a", "externalId": "u1", **more}).encode()

    deep: Any = 1
    for _ in range(9):
        deep = [deep]
    assert read_plain(sent(properties={"a": deep}), LATEST) is not None
    assert read_plain(sent(properties={"a": [deep]}), LATEST) is None
    assert read_plain(sent(properties={"a": "x" * 32_760}), LATEST) is not None
    assert read_plain(sent(properties={"a": "x" * 32_761}), LATEST) is None
    assert read_plain(sent(occurredAt=LATEST.isoformat()), LATEST) is not None
    assert read_plain(sent(occurredAt=(LATEST + timedelta(seconds=1)).isoformat()), LATEST) is None
    assert read_plain(b"[" + b",".join([sent()] * 1_000) + b"]", LATEST) is not None
    assert read_plain(b"[" + b",".join([sent()] * 1_001) + b"]", LATEST) is None
