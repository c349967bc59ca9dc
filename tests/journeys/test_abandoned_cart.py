"""Six months of a real shop through the public API, under the virtual clock: every journey must be the computed one.

Four of the months once more, while the worker is killed at random (kill -9) and Valkey is flushed, with the same result.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from tests.fixtures.product import Product
from tests.journeys.abandoned_cart import DAY, Journey, expected, seconds, shop_events

TICK = 12 * 3600
"""How far the clock moves at a time. Six months are 339 steps with 1,217 journeys, of which 10 reach the goal in a step after their first;
four months are 219 with 482. A step waits half a second for processes that wake each other, whatever happens in it: with steps of six
hours there were 500 of them, with two journeys less."""
TROUBLE_ENDS = "2024-05-01"
"""Trouble makes each step cost more, so it lasts four of the six months."""
KILLS = 6


def flow(template_id: str) -> dict[str, Any]:
    """The abandoned-cart workflow as a client would post it."""
    return {
        "name": "Abandoned cart",
        "trigger": {"type": "event", "event": "add_to_cart"},
        "nodes": [
            {"id": "wait", "type": "delay", "position": {"x": 0, "y": 100}, "data": {"duration": 24, "unit": "hours"}},
            {
                "id": "desktop",
                "type": "condition",
                "position": {"x": 0, "y": 200},
                "data": {"conditions": [{"field": "platform", "operator": "equals", "value": "desktop"}]},
            },
            {"id": "mail", "type": "send_email", "position": {"x": 0, "y": 300}, "data": {"templateId": template_id}},
            {"id": "end", "type": "end", "position": {"x": 0, "y": 400}, "data": {}},
        ],
        "edges": [
            {"source": "trigger", "target": "wait"},
            {"source": "wait", "target": "desktop"},
            {"source": "desktop", "target": "mail", "sourceHandle": "true"},
            {"source": "desktop", "target": "end", "sourceHandle": "false"},
            {"source": "mail", "target": "end"},
        ],
        "goals": [{"id": "bought", "name": "Purchased", "event": "purchase", "conditions": []}],
        "settings": {"reentry": "after_exit"},
    }


def data(answer: httpx.Response) -> Any:
    """The `data` of a successful answer."""
    assert answer.is_success, answer.text
    return answer.json()["data"]


def pages(api: httpx.Client, path: str, **query: str) -> Iterator[dict[str, Any]]:
    """All items of a list endpoint."""
    cursor = None
    while True:
        answer = api.get(path, params={"limit": "100", **query, **({"cursor": cursor} if cursor else {})})
        yield from data(answer)
        cursor = answer.json()["meta"].get("nextCursor")
        if not cursor:
            return


def play(product: Product, api: httpx.Client, rows: list[dict[str, str]], disturb: Any) -> None:
    """Let six months pass: at each tick the clock moves, what is due wakes, the tick's events arrive in time order."""
    numbered = list(enumerate(rows))
    batches = {tick: list(batch) for tick, batch in groupby(numbered, key=lambda row: seconds(row[1]) // TICK * TICK)}
    ticks = set(batches) | {
        tick + DAY for tick, batch in batches.items() if any(row["event"] == "add_to_cart" for _, row in batch)
    }
    for count, tick in enumerate(sorted(ticks)):
        product.move_clock(datetime.fromtimestamp(tick, UTC))
        disturb(count)
        product.settle()
        events = [
            {
                "id": f"row-{number}",
                "name": row["event"],
                "externalId": row["user_id"],
                "properties": {"platform": row["platform"], "session": row["session_id"], "at": row["timestamp"]},
            }
            for number, row in batches.get(tick, ())
        ]
        if events:
            assert api.post("/events", json=events).status_code == 202
            disturb(count)
            product.settle()


def in_time(journey: Journey) -> tuple[int, int]:
    """The order of journeys: by start, then end (two may begin within one tick)."""
    return journey.started, journey.ended or 0


def observed(api: httpx.Client, workflow_id: str, users: dict[str, str]) -> dict[str, list[Journey]]:
    """The journeys as the API tells them, per user in order of their start."""
    mailed = {message["runId"] for message in pages(api, "/messages", workflowId=workflow_id)}
    journeys: dict[str, list[Journey]] = defaultdict(list)
    for run in pages(api, f"/workflows/{workflow_id}/runs"):
        started, ended = (
            run[key] and int(datetime.fromisoformat(run[key]).timestamp()) for key in ("startedAt", "completedAt")
        )
        journeys[users[run["contactId"]]].append(Journey(started, ended, run["status"], run["id"] in mailed))
    return {user: sorted(found, key=in_time) for user, found in journeys.items()}


class Trouble:
    """Kills the worker a few milliseconds into the work of some ticks, and empties Valkey more often than that."""

    def __init__(self, product: Product, redis_url: str) -> None:
        self.product, self.valkey, self.chance = product, redis.Redis.from_url(redis_url), random.Random(24)
        self.kills = set(self.chance.sample(range(200), KILLS))

    def __call__(self, count: int) -> None:
        if count in self.kills:
            self.kills.discard(count)
            time.sleep(self.chance.random() * 0.02)  # somewhere inside the work, on purpose at no known place
            self.product.kill("worker")
            self.valkey.flushdb()
            self.product.start("worker")
        elif count % 50 == 0:
            self.valkey.flushdb()


def assert_mailed_once(product: Product, api: httpx.Client, mails: int, *, uncertain: bool) -> None:
    """Each message reached the mail server once. Of those cut off by a kill nobody can know; they are held, not resent."""
    statuses = Counter(message["status"] for message in pages(api, "/messages"))
    assert statuses.total() == mails
    held = statuses["uncertain"] + statuses["sending"]
    assert statuses["sent"] + held == mails
    assert uncertain or not held
    delivered, distinct = product.database.execute(
        "select count(*), count(distinct message_id) from mailbox_messages"
    ).fetchone()
    assert delivered == distinct
    assert statuses["sent"] <= delivered <= mails


@pytest.mark.parametrize("trouble", [False, True], ids=["calm", "killed-and-flushed"])
def test_every_journey_is_the_computed_one(product_servers: Any, tmp_path: Path, trouble: bool) -> None:
    rows = [row for row in shop_events() if not trouble or row["timestamp"] < TROUBLE_ENDS]
    database_url, redis_url = product_servers.fresh_database(), product_servers.redis_url
    with Product(database_url, redis_url, tmp_path, THROUGHLINE_CLOCK="database") as product:
        product.move_clock(datetime.fromtimestamp(seconds(rows[0]) - DAY, UTC))
        api = product.client()
        users = {
            data(api.post("/contacts", json={"externalId": user, "email": f"{user}@shop.example"}))["id"]: user
            for user in sorted({row["user_id"] for row in rows})
        }
        template = data(
            api.post(
                "/templates", json={"name": "Cart", "channel": "email", "subject": "Your cart", "text": "Still there."}
            )
        )
        workflow = data(api.post("/workflows", json=flow(template["id"])))
        assert api.post(f"/workflows/{workflow['id']}/activate").is_success
        product.settle()
        disturb = Trouble(product, redis_url) if trouble else lambda _count: None

        play(product, api, rows, disturb)
        assert not getattr(disturb, "kills", ()), "the worker was not killed as often as it should be"

        computed = expected(rows, TICK, seconds(rows[-1]) + 2 * DAY)
        assert observed(api, workflow["id"], users) == computed
        mails = sum(journey.mailed for journeys in computed.values() for journey in journeys)
        assert product.database.execute(
            "select count(*), count(distinct message_id) from mailbox_messages"
        ).fetchone() == (mails, mails)
        stats = data(api.get(f"/workflows/{workflow['id']}/stats"))
        assert stats["totalRuns"] == sum(map(len, computed.values()))
        assert stats["goalReachedRuns"] == sum(j.status == "goal_reached" for js in computed.values() for j in js)
        checked = product.command("check-integrity")
        assert checked.returncode == 0, checked.stdout + checked.stderr
