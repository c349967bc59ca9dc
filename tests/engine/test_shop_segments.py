"""The shop again, with a dynamic segment of those who bought twice within some days: what asks for it in the flow, and who enters by it."""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.engine import integrity
from app.inbox import InboxKind
from app.lib.ids import uuid7
from tests.engine.dynamic import Dynamic, did, rule
from tests.engine.test_every_type import Crashes
from tests.engine.test_shop import TICK_S, Shopper, _seen, _travel
from tests.fixtures.world import World, flow, node
from tests.journeys.abandoned_cart import DAY, seconds, shop_events

WINDOW_DAYS, TIMES = 20.3, 2
WINDOW_S = int(WINDOW_DAYS * DAY)
"""No multiple of a tick: nobody's time in the segment ends at the instant of a time-out."""


def regular(segment: UUID) -> dict[str, Any]:
    """Who leaves a cart for a day is asked whether they are regular buyers, but on a tablet, and in one arm of the split."""
    return flow(
        "add_to_cart",
        [
            node("wait", "wait_for_event", event="purchase", timeout={"duration": 24, "unit": "hours"}),
            node("bought", "add_tag", tag="bought"),
            node("by", "switch", value="{{ event.platform }}", cases=[
                {"id": "desk", "label": "Desktop", "equals": "desktop"}, {"id": "phone", "label": "Phone", "equals": "mobile"}]),
            node("test", "split", salt="shop", variants=[{"id": "a", "weight": 3}, {"id": "b", "weight": 1}]),
            node("is", "condition", conditions=[{"field": "segment", "operator": "in", "value": [str(segment)]}]),
            node("thank", "add_tag", tag="regular"),
            node("left", "add_tag", tag="left"),
        ],
        ("trigger", "wait"), ("wait", "bought"), ("wait", "by", "timeout"), ("by", "test", "desk"), ("by", "is", "phone"),
        ("by", "left", "default"), ("test", "is", "a"), ("test", "left", "b"), ("is", "thank", "true"), ("is", "left", "false"),
    )  # fmt: skip


def greeting(segment: UUID) -> dict[str, Any]:
    """Whoever enters the segment, each time."""
    graph = flow(None, [node("end", "end")], ("t", "end"))
    del graph["trigger"]
    return {**graph, "triggers": [{"id": "t", "type": "segment_entry", "data": {"segmentId": str(segment)}}]}


class Regular(Shopper):
    """One user, computed without the product."""

    def __init__(self, contact: UUID) -> None:
        super().__init__(contact)
        self.purchases: list[int] = []
        self.entered: list[int] = []
        self.is_regular = False

    def time_passes(self, now: int) -> None:
        self.look(now)
        if self.inside is None or self.inside[0] + DAY > now:
            return
        started, platform = self.inside
        self.inside = None
        case = {"desktop": "desk", "mobile": "phone"}.get(platform, "default")
        arm = (self.arm,) if case == "desk" else ()
        asked = ("true" if self.is_regular else "false",) if case == "phone" or arm == ("a",) else ()
        self.journeys.append((started, now, ("timeout", case, *arm, *asked, "next")))

    def look(self, now: int) -> None:
        held = sum(at > now - WINDOW_S for at in self.purchases) >= TIMES
        if held and not self.is_regular:
            self.entered.append(now)
        self.is_regular = held

    def happens(self, name: str, platform: str, amount: float, now: int) -> None:
        if name == "add_to_cart" and self.inside is None:
            self.inside = now, platform
        elif name == "purchase":
            self.purchases.append(now)
            self.look(now)
            if self.inside is not None:
                self.journeys.append((self.inside[0], now, ("next", "next")))
                self.inside = None


def arrive(world: World, events: list[tuple[UUID, str, dict[str, Any]]]) -> None:
    """As the API stores them."""
    rows = [(uuid7(), world.tenant, contact, name, Jsonb(properties)) for contact, name, properties in events]
    with world.db.cursor() as cursor:
        cursor.executemany(
            "insert into events (id, tenant_id, contact_id, name, properties, occurred_at, received_at)"
            " values (%s, %s, %s, %s, %s, clock_now(), clock_now())",
            rows,
        )
        cursor.executemany(
            "insert into inbox (event_id, tenant_id, contact_id, name, payload, occurred_at, kind)"
            " values (%s, %s, %s, %s, %s, clock_now(), %s)",
            [(*row, int(InboxKind.EVENT)) for row in rows],
        )


@pytest.mark.parametrize(("batch", "seed"), [(1_000, None), (7, 24)], ids=["calm", "small batches, crashes"])
async def test_a_dynamic_segment_asks_and_starts_as_plain_python_says(
    world: World, monkeypatch: pytest.MonkeyPatch, batch: int, seed: int | None
) -> None:
    rows = [row for row in shop_events() if row["event"] in ("add_to_cart", "purchase")]
    ticks = {tick: list(some) for tick, some in groupby(rows, key=lambda row: seconds(row) // TICK_S * TICK_S)}
    first, last = min(ticks), max(ticks)
    _travel(world, first - DAY)
    users = sorted({row["user_id"] for row in rows})
    contacts = dict(zip(users, world.contacts(len(users)), strict=True))
    shoppers = {user: Regular(contact) for user, contact in contacts.items()}
    dynamic = Dynamic(world)
    (segment,) = await dynamic.add(rule(did("purchase", TIMES, WINDOW_DAYS)))
    asking, greeted = world.workflow(regular(segment)), world.workflow(greeting(segment))
    dying = Crashes(seed)
    dying.left = 40
    world.engine.limit = batch
    monkeypatch.setattr("app.engine.failpoints.reach", dying.reach)
    for now in range(first, last + 3 * DAY, TICK_S):
        for at in (now - 1, now):  # who is not regular any more by now is told so before carts are looked at
            _travel(world, at)
            dying.advance(world)
        for shopper in shoppers.values():
            shopper.time_passes(now)
        if events := ticks.get(now):
            arrive(world, [(contacts[row["user_id"]], row["event"], {"platform": row["platform"]}) for row in events])
            for row in events:
                shoppers[row["user_id"]].happens(row["event"], row["platform"], 0, now)
            dying.advance(world)
    monkeypatch.setattr("app.engine.failpoints.reach", lambda name: None)
    assert (dying.left < 40) == (seed is not None), "it died on the way"
    assert _seen(world, asking, contacts) == {user: one.journeys for user, one in shoppers.items() if one.journeys}
    asked = {way for one in shoppers.values() for *_, ways in one.journeys for way in ways}
    assert asked >= {"next", "timeout", "desk", "phone", "default", "a", "b", "true", "false"}, "all ways are taken"
    assert entries(world, greeted) == {contacts[user]: one.entered for user, one in shoppers.items() if one.entered}
    assert any(len(one.entered) > 1 for one in shoppers.values()), "somebody comes again"
    assert dynamic.members(segment) == {contacts[user] for user, one in shoppers.items() if one.is_regular}
    assert integrity.check(world.db) == []


def entries(world: World, workflow: UUID) -> dict[UUID, list[int]]:
    """When runs of each contact began."""
    rows = world.db.execute(
        "select contact_id, extract(epoch from started_at)::bigint from runs where workflow_id = %s order by 2",
        (workflow,),
    ).fetchall()
    begun: dict[UUID, list[int]] = defaultdict(list)
    for contact, at in rows:
        begun[contact].append(at)
    return dict(begun)
