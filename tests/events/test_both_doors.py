"""The route before the framework and the framework's own get the same bodies: status, headers, answer and rows are the same."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fixtures.routes import Sides

NOBODY = "01900000-0000-7000-8000-000000000001"


def quoted(*texts: str) -> list[str]:
    return [json.dumps(text) for text in texts]


# What each member may be, as it is written in JSON. The first ones are plain, and each is drawn as often as another.
NAMES = [
    *quoted(
        "a",
        "b",
        " a ",
        "\u00fc",
        "",
        "  ",
        "x" * 200,
        "x" * 201,
        "a\0b",
        "a\x1fb",
        "\x1e",
        "contact.unsubscribed",
        "contact.created",
    )
]
NAMES += ['"\\ud800"', '"\\u0061"', "7", "null", "[]", '"\\u0000"']
PEOPLE = [
    ("externalId", [*quoted("u1", " u1 ", "new-1", "new-2", "", "x" * 201, "a\0b"), "null", "7", "{}"]),
    ("email", [*quoted("ada@example.com", "Ada@Example.com", "new@example.com", "ada@", "ada@x", "\u212a@example.com", ""), "null", "1"]),
    ("contactId", [*quoted("ADA", NOBODY, "7", ""), "null", "1"]),
]  # fmt: skip
VALUES = [
    "1", "-0", "0.10", "1e2", "1e400", "1" * 30, "1" * 400, "true", "null", '"\\u0000"', '"\\ud83d\\ude00"', '"\\ud800"', '"a:b"',
    '"\\"{"', "[]", "[[[1]]]", "[" * 9 + "]" * 9, "[" * 10 + "]" * 10, '{"a":{}}', '{"a":1,"a":2}', '{"":1}', "NaN", "01",
    '"' + "y" * 33_000 + '"',
]  # fmt: skip
PROPERTIES = ["{}", "null", "[]", '"text"', '{"a":1,"b":"c"}', *(f'{{"k":{value}}}' for value in VALUES)]
TIMES = [
    *quoted("2024-03-01T10:00:00Z", "2024-03-01T10:00:00.123456789+02:00", "2024-03-01T10:00:00+0200", "2024-03-01T10:00:00"),
    *quoted("2024-03-01", "2026-06-01T13:00:00Z", "2026-06-01T13:00:01Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00"),
    *quoted("9999-12-31T23:59:59-14:00", ""), "null", "1709287200",
]  # fmt: skip
IDS = [*quoted("k-1", "k-2", "k-3", "", " ", "x" * 201, "a\0b", "\x1e", "a\tb"), "null", "5"]
MEMBERS = [("name", NAMES), *PEOPLE, ("properties", PROPERTIES), ("occurredAt", TIMES), ("id", IDS), ("more", ["1"])]
MEMBER = st.sampled_from(MEMBERS).flatmap(lambda pair: st.sampled_from(pair[1]).map(lambda raw: (pair[0], raw)))


@st.composite
def events(draw: st.DrawFn) -> str:
    """One event: mostly what fits, with up to two members more, which may be there already."""
    members = [("name", draw(st.sampled_from(NAMES[:4])))]
    key, raw = draw(st.sampled_from(PEOPLE))
    members.append((key, draw(st.sampled_from(raw[:3]))))
    if draw(st.booleans()):
        members.append(("id", draw(st.sampled_from(IDS[:3]))))
    members = draw(st.permutations([*members, *draw(st.lists(MEMBER, max_size=2))]))
    if draw(st.booleans()):
        members = [*dict(members).items()]
    return "{" + ",".join(f'"{key}":{raw}' for key, raw in members) + "}"


BROKEN = ["", "[]", "null", "7", '"a"', "{", "[{]", "{}", "[[{}]]", "\ufeff{}", '{"name":"a",}', "[1]", "{} {}"]
BODIES = st.one_of(
    events(),
    events().map(lambda event: f" {event}\n"),
    st.lists(events(), max_size=3).map(lambda several: f"[{','.join(several)}]"),
    st.tuples(events(), st.integers(0, 60)).map(lambda pair: pair[0][: pair[1]]),
    st.sampled_from(BROKEN),
).map(lambda text: text.encode())
HEADERS = st.sampled_from(
    [
        *[{}] * 8,
        {"idempotency-key": "r-1"},
        {"idempotency-key": ""},
        {"content-type": "application/json; charset=utf-8"},
        {"content-type": "text/plain"},
        {"content-type": "application/xml"},
        {"accept-encoding": "br"},
        {"content-encoding": "br"},
        {"authorization": "Bearer tl_0123456789_nobody"},
        {"authorization": "Basic YTpi"},
        {"accept": "text/html"},
        {"expect": "100-continue"},
    ]
)  # fmt: skip
FIRST = b'{"name":"a","externalId":"u1","id":"k-1"}'


@given(st.lists(st.tuples(BODIES, HEADERS), min_size=1, max_size=3))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example([(FIRST, {}), (FIRST, {}), (b'{"name":"b","externalId":"u1","id":"k-1"}', {})])
@example([(b'[{"name":"a","externalId":"new-9"},{"name":"a","contactId":"%s"}]' % NOBODY.encode(), {})])
@example([(b'{"name":"a","externalId":"u1","properties":{"a":1,"\\u003a":2,"a":3}}', {})])
@example([(b'{"name":"a","externalId":"u1","properties":{"a":"\\\\u0000"}}', {})])
@example([(b'{"name":"a","externalId":"u1","occurredAt":"0001-01-01T00:00:00+14:00"}', {})])
async def test_both_doors_answer_and_store_alike(sides: Sides, requests: list[tuple[bytes, dict[str, Any]]]) -> None:
    for body, headers in requests:
        await sides.alike(body, **headers)
    sides.stored_alike()
