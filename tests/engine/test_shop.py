"""Six months of a real shop: carts wait a day for the purchase, are switched and split, and every contact goes where plain Python says,
calm and with crashes."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from tests.engine.test_every_type import Crashes
from tests.fixtures.world import World, flow, node, rule
from tests.journeys.abandoned_cart import DAY, seconds, shop_events

TICK_S = 12 * 3_600
"""How far the clock moves at a time."""
Journey = tuple[int, int | None, tuple[str, ...]]
"""When a run began and ended (Unix seconds), and the ways that it took, step by step."""

GRAPH = flow(
    "add_to_cart",
    [
        node("wait", "wait_for_event", event="purchase", timeout={"duration": 24, "unit": "hours"},
             conditions=[rule("event.platform", "not_equals", "tablet")]),
        node("spent", "update_contact", increment={"carts": 1, "sum": "{{ steps.wait.properties.amount }}"}),
        node("by", "switch", value="{{ event.platform }}", cases=[
            {"id": "desk", "label": "Desktop", "equals": "desktop"}, {"id": "phone", "label": "Phone", "equals": "mobile"}]),
        node("test", "split", salt="shop", variants=[{"id": "a", "weight": 3}, {"id": "b", "weight": 1}]),
        node("note", "update_contact", append={"left": "{{ event.platform }}"}),
        node("tag", "add_tag", tag="left-{{ event.platform }}"),
    ],
    ("trigger", "wait"), ("wait", "spent"), ("wait", "by", "timeout"), ("by", "test", "desk"), ("by", "note", "phone"),
    ("by", "tag", "default"), ("test", "note", "a"), ("test", "tag", "b"),
)  # fmt: skip


class Shopper:
    """One user, computed without the product."""

    def __init__(self, contact: UUID) -> None:
        drawn = int.from_bytes(hashlib.blake2b(b"shop\0" + contact.bytes, digest_size=8).digest(), "big")
        self.arm = "a" if drawn / 2**64 < 0.75 else "b"
        self.journeys: list[Journey] = []
        self.attributes: dict[str, Any] = {}
        self.tags: list[str] = []
        self.inside: tuple[int, str] | None = None

    def time_passes(self, now: int) -> None:
        if self.inside is None or self.inside[0] + DAY > now:
            return
        started, platform = self.inside
        self.inside = None
        case = {"desktop": "desk", "mobile": "phone"}.get(platform, "default")
        way = ("timeout", case, self.arm, "next") if case == "desk" else ("timeout", case, "next")
        self.journeys.append((started, now, way))
        if case == "phone" or (case == "desk" and self.arm == "a"):
            self.attributes["left"] = [*self.attributes.get("left", []), platform]
        else:
            self.tags += [f"left-{platform}"] if f"left-{platform}" not in self.tags else []

    def happens(self, name: str, platform: str, amount: float, now: int) -> None:
        if name == "add_to_cart" and self.inside is None:
            self.inside = now, platform
        elif name == "purchase" and self.inside is not None and platform != "tablet":
            self.journeys.append((self.inside[0], now, ("next", "next")))
            self.inside = None
            self.attributes["carts"] = self.attributes.get("carts", 0) + 1
            self.attributes["sum"] = round(self.attributes.get("sum", 0) + amount, 2)


@pytest.mark.parametrize(("batch", "seed"), [(1_000, None), (7, 24)], ids=["calm", "small batches, crashes"])
def test_every_contact_goes_where_plain_python_says(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int, seed: int | None
) -> None:
    rows = [row for row in shop_events() if row["event"] in ("add_to_cart", "purchase")]
    ticks = {tick: list(some) for tick, some in groupby(rows, key=lambda row: seconds(row) // TICK_S * TICK_S)}
    first, last = min(ticks), max(ticks)
    _travel(world, first - DAY)
    users = sorted({row["user_id"] for row in rows})
    contacts = dict(zip(users, world.contacts(len(users)), strict=True))
    shoppers = {user: Shopper(contact) for user, contact in contacts.items()}
    workflow = world.workflow(GRAPH)
    dying = Crashes(seed)
    dying.left = 40
    world.engine.limit = batch
    monkeypatch.setattr("app.engine.failpoints.reach", dying.reach)
    for now in range(first, last + 3 * DAY, TICK_S):
        _travel(world, now)
        dying.advance(world)
        for shopper in shoppers.values():
            shopper.time_passes(now)
        if events := ticks.get(now):
            _arrive(world, [(contacts[row["user_id"]], row["event"], _properties(row)) for row in events])
            for row in events:
                shoppers[row["user_id"]].happens(row["event"], row["platform"], _properties(row)["amount"], now)
            dying.advance(world)
    monkeypatch.setattr("app.engine.failpoints.reach", lambda name: None)
    assert (dying.left < 40) == (seed is not None), "it died on the way"
    assert _seen(world, workflow, contacts) == {
        user: shopper.journeys for user, shopper in shoppers.items() if shopper.journeys
    }
    stored = world.db.execute("select id, attributes, tags from contacts").fetchall()
    assert {one: (attributes, sorted(tags)) for one, attributes, tags in stored} == {
        contacts[user]: (shoppers[user].attributes, sorted(shoppers[user].tags)) for user in users
    }
    assert integrity.check(world.db) == []


def _properties(row: dict[str, str]) -> dict[str, Any]:
    """What the shop's rows do not say, they say here: an amount with cents, from the second of the minute."""
    return {"platform": row["platform"], "amount": round(0.1 + int(row["timestamp"][-2:]) / 100, 2)}


def _travel(world: World, now: int) -> None:
    at = datetime.fromtimestamp(now, UTC)
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )


def _arrive(world: World, events: list[tuple[UUID, str, dict[str, Any]]]) -> None:
    with world.db.cursor() as cursor:
        cursor.executemany(
            "insert into inbox (tenant_id, name, contact_id, payload, occurred_at) values (%s, %s, %s, %s, clock_now())",
            [(world.tenant, name, contact, Jsonb(properties)) for contact, name, properties in events],
        )


def _seen(world: World, workflow: UUID, contacts: dict[str, UUID]) -> dict[str, list[Journey]]:
    """The finished journeys of each user, in the order in which they began."""
    users = {contact: user for user, contact in contacts.items()}
    rows = world.db.execute(
        "select r.contact_id, r.started_at, r.completed_at, array_agg(s.port order by s.seq) from runs r"
        " join steps s on s.tenant_id = r.tenant_id and s.run_id = r.id where r.workflow_id = %s group by r.tenant_id, r.id, 1, 2, 3"
        " order by r.started_at, r.id",
        (workflow,),
    ).fetchall()
    journeys: dict[str, list[Journey]] = defaultdict(list)
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    for contact, started, ended, ports in rows:
        whole = [int((at - epoch) / timedelta(seconds=1)) for at in (started, ended)]
        journeys[users[contact]].append((whole[0], whole[1], tuple(ports)))
    return dict(journeys)
