"""Who asks too often waits, who asks as often as is allowed never does, and nobody waits for somebody else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from app.models.status import Role
from app.settings import WebSettings
from app.web import rate_limit
from app.web.rate_limit import Buckets, Limit, Limits
from tests.fixtures.people import ApiClients, BrowserClients

TOLD = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')


@dataclass
class Clock:
    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now


@given(
    st.integers(1, 50),
    st.integers(1, 60),
    st.lists(st.tuples(st.floats(0, 5), st.integers(1, 5)), max_size=60),
)
def test_no_stretch_of_time_lets_more_through(quota: int, window: int, asked: list[tuple[float, int]]) -> None:
    clock = Clock()
    buckets = Buckets(Limit("x", quota, window), clock)
    let_in: list[tuple[float, int]] = []
    for pause, cost in asked:
        clock.now += pause
        found = buckets.take("a", cost)
        assert found.left >= 0 and found.full_in >= 0
        if found.allowed:
            let_in.append((clock.now, min(cost, quota)))
            continue
        clock.now += found.fits_in + 1e-6
        assert buckets.take("a", cost).allowed, "who waits as long as was said is let in"
        let_in.append((clock.now, min(cost, quota)))
    for first, (begun, _) in enumerate(let_in):
        units = 0
        for at, cost in let_in[first:]:
            units += cost
            assert units <= quota + (at - begun) * quota / window + cost + 1e-6


@given(st.integers(1, 1_000), st.integers(1, 60), st.integers(1, 300))
def test_an_even_sender_never_waits(quota: int, window: int, count: int) -> None:
    clock = Clock()
    buckets = Buckets(Limit("x", quota, window), clock)
    for _ in range(count):
        assert buckets.take("a").allowed
        clock.now += window / quota


def test_each_has_a_bucket_and_they_do_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limit, "MOST_ASKERS", 100)
    buckets = Buckets(Limit("x", 2, 10), Clock())
    assert [buckets.take("a").allowed for _ in range(3)] == [True, True, False]
    assert buckets.take("b").left == 1
    for number in range(1_000):
        buckets.take(number)
        buckets.take("busy")
    assert len(buckets._full_at) == 100
    assert not buckets.take("busy").allowed, "who asks now is not forgotten"


def test_looking_takes_nothing() -> None:
    buckets = Buckets(Limit("x", 1, 10), Clock())
    assert all(buckets.look("a").allowed for _ in range(5))
    assert buckets.take("a").allowed and not buckets.look("a").allowed


def test_thousands_of_events_a_second_are_no_trouble() -> None:
    """The defaults: 5,000 single events a second for a minute, through one key."""
    clock, web = Clock(), WebSettings()
    buckets = Buckets(Limit("events", web.rate_events * 10, 10), clock)
    for _ in range(5_000 * 60):
        clock.now += 1 / 5_000
        assert buckets.take("key").allowed


@pytest.fixture
def limits(app_under_test: Litestar) -> Iterator[Limits]:
    """Three requests, ten with events, four of strangers; no time passes."""
    clock = Clock()
    made = Limits(
        Buckets(Limit("requests", 3, 60), clock),
        Buckets(Limit("events", 10, 60), clock),
        Buckets(Limit("address", 4, 60), clock),
    )
    app_under_test.state["rate_limits"] = made
    yield made
    del app_under_test.state["rate_limits"]


async def test_a_key_is_told_how_it_stands_and_when_to_come_back(api: ApiClients, limits: Limits) -> None:
    one, another = await api(Role.VIEWER), await api(Role.VIEWER)
    for left in (2, 1, 0):
        answer = await one.get("/api/v1/me")
        assert answer.status_code == 200
        assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=60'
        told = TOLD.fullmatch(answer.headers["ratelimit"])
        assert told and told[1] == "requests" and int(told[2]) == left and 0 < int(told[3]) <= 60
    refused = await one.get("/api/v1/contacts")
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused.headers["retry-after"]) == 20 and refused.headers["ratelimit"].startswith('"requests";r=0;')
    assert refused.headers["content-type"] == "application/problem+json"
    assert (await another.get("/api/v1/me")).status_code == 200


async def test_events_have_a_limit_of_their_own(api: ApiClients, limits: Limits) -> None:
    client = await api(Role.MARKETER)
    event = {"name": "signed_up", "externalId": "u1"}
    answers = [await client.post("/api/v1/events", json=event) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [202] * 10 + [429]
    assert answers[0].headers["ratelimit-policy"] == '"events";q=10;w=60'
    assert (await client.get("/api/v1/me")).status_code == 200


async def test_what_costs_much_counts_for_more(api: ApiClients, limits: Limits) -> None:
    client = await api(Role.VIEWER)
    url = "/api/v1/templates/0b0f2f1e-0000-7000-8000-000000000000/preview"
    assert (await client.post(url, json={})).status_code == 404
    assert (await client.get("/api/v1/me")).status_code == 429, "a preview is worth more than three requests"


async def test_people_get_a_page(browser: BrowserClients, limits: Limits) -> None:
    person = await browser(Role.VIEWER)
    answers = [await person.get("/settings/profile") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["content-type"].startswith("text/html") and "retry-after" in answers[3].headers
    assert (await person.get("/static/favicon.svg")).status_code == 200


async def test_strangers_share_the_bucket_of_their_address(
    client: httpx.AsyncClient, api: ApiClients, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wrong keys, no keys and open pages count alike; whoever came in before, or has a key that is right, does not wait for them."""
    known = await api(Role.VIEWER)
    assert (await known.get("/api/v1/me")).status_code == 200
    guess = {"Authorization": "Bearer tl_" + "a" * 10 + "_" + "b" * 43}
    assert (await client.get("/api/v1/me", headers=guess)).status_code == 401
    assert (await client.get("/api/v1/me")).status_code == 401
    assert (await client.get("/sign-in")).status_code == 200
    assert (await client.get("/u/made.up")).status_code != 429
    for answer in (await client.get("/api/v1/me", headers=guess), await client.get("/sign-in")):
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
    assert (await client.get("/health/live")).status_code == 200
    assert (await known.get("/api/v1/me")).status_code == 200
    monkeypatch.setattr(rate_limit, "client_address", lambda _: "2001:db8:1:2::3")
    assert (await client.get("/sign-in")).status_code == 200, "another address"


async def test_a_network_of_ipv6_is_one_address(
    client: httpx.AsyncClient, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        monkeypatch.setattr(rate_limit, "client_address", lambda _, number=number: f"2001:db8:1:2::{number + 1}")
        assert ((await client.get("/sign-in")).status_code == 429) is (number == 4)


async def test_a_known_key_that_ended_is_a_stranger(api: ApiClients, limits: Limits) -> None:
    client = await api(Role.VIEWER)
    assert (await client.get("/api/v1/me")).status_code == 200
    client.headers["Authorization"] = client.headers["Authorization"][:-1] + "x"
    answers = [(await client.get("/api/v1/me")).status_code for _ in range(6)]
    assert answers == [401, 401, 401, 401, 429, 429]
