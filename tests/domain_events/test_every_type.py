"""Every type that the product lists really happens, and what is told of it has the shape that is published."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.counters.message_counters import QUEUED, moving
from app.domain_events.envelope import event_body
from app.domain_events.examples import example_of
from app.domain_events.types import NAMES, TYPES, DomainEventType
from app.engine import control
from app.flow import registry
from app.flow.node_type import NodeType
from app.flow.outcomes import Exit, Outcome
from app.models import EventDelivery
from app.models.status import Role
from tests.domain_events.conftest import heard, listen
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.people import ApiClients
from tests.fixtures.world import World, flow, node, rule

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
BY_ENGINE = {
    "workflow.run.started", "workflow.run.completed", "workflow.run.failed", "workflow.run.goal_reached", "workflow.run.exited",
    "workflow.run.cancelled", "workflow.node.executed", "message.sent", "message.failed", "message.uncertain", "message.suppressed",
}  # fmt: skip
BY_PEOPLE = {
    "workflow.published", "workflow.activated", "workflow.paused", "contact.created", "contact.updated", "contact.attribute_changed",
    "contact.deleted", "segment.member.added", "segment.member.removed",
}  # fmt: skip
ELSEWHERE = {
    "message.delivered", "message.opened", "message.clicked", "message.bounced", "message.complained", "message.replied",
}  # fmt: skip
"""Types of callbacks of providers, each driven by the tests of its provider."""
BY_NAME = {one.name: one for one in TYPES}


def test_each_type_is_driven_by_a_test() -> None:
    assert BY_ENGINE | BY_PEOPLE | ELSEWHERE == NAMES


@pytest.mark.parametrize("event_type", TYPES, ids=lambda one: one.name)
def test_each_type_has_an_example_of_its_shape(event_type: DomainEventType) -> None:
    event = example_of(event_type)
    assert event["type"] == event_type.name and event["specversion"] == "1.0" and event["subject"]
    assert event["dataschema"].endswith(f"/api/v1/event-types#{event_type.name}.v1")
    strictly(event_type.name, event["data"])


def strictly(name: str, data: dict[str, Any]) -> None:
    """Read by the schema, and nothing in it that the schema does not know."""
    shape = BY_NAME[name].data
    read = msgspec.convert(data, shape)
    assert data.keys() <= msgspec.to_builtins(read).keys(), f"{name}: {data}"


class LeavesConfig(msgspec.Struct):
    """Nothing to choose."""


class Leaves(NodeType):
    """Takes the contact out, as types of plugins may."""

    type, label, category, description = "leaves", "Leaves", "logic", "For tests."
    Config = LeavesConfig

    @staticmethod
    def compile(config: LeavesConfig, scope: Any) -> Outcome:
        return Exit()


def envelopes(events: list[tuple[str, dict[str, Any]]]) -> set[str]:
    for name, data in events:
        strictly(name, data)
        assert msgspec.json.decode(event_body(control.UUID(int=1), name, START, data, 1))["data"] == data
    return {name for name, _ in events}


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    place.travel(START)
    yield place
    place.close()


def _messages(world: World) -> None:
    template = world.one(
        "insert into templates (id, tenant_id, name) values (gen_random_uuid(), %s, 'Hello') returning id", world.tenant
    )
    world.workflow(flow("mailed", [node("mail", "send_email", templateId=str(template))], ("trigger", "mail")))
    world.emit("mailed", world.contacts(4))
    ids = [row[0] for row in world.db.execute("select run_id from messages order by run_id").fetchall()]
    for run_id, status, reason in zip(ids, (2, 8, 9, 10), (None, "bad_address", None, "no_consent"), strict=True):
        settle = moving(
            "update messages m set status = %(status)s, reason = %(reason)s where m.run_id = %(run)s", QUEUED
        )
        world.db.execute(settle, {"status": status, "reason": reason, "shard": 0, "run": run_id})


def test_the_engine_tells_of_runs_steps_and_messages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry._types, "leaves", Leaves)
    endpoint = listen(world, *NAMES)
    goals = [{"id": "bought", "name": "Bought", "event": "bought", "conditions": [], "match": "all"}]
    wait = [node("wait", "delay", duration=1, unit="days")]
    world.workflow(flow("waits", wait, ("trigger", "wait"), goals=goals))
    check = [node("check", "condition", conditions=[rule("event.n", "greater_than", 1)])]
    world.workflow(flow("fails", check, ("trigger", "check")))
    world.workflow(flow("leaves", [node("exit", "leaves")], ("trigger", "exit")))
    first, second, third = world.contacts(3)
    world.emit("waits", [first, second, third])
    world.emit("bought", [first])
    world.emit("fails", [third], {"n": "much"})
    world.emit("leaves", [third])
    cancelled = world.one("select id from active_runs where contact_id = %s", second)
    which = "tenant_id = %(tenant)s and id = any(%(ids)s)"
    world.db.execute(control.ending(which), {"tenant": world.tenant, "ids": [cancelled], **control.CANCELLED})
    world.travel(START + timedelta(days=2))
    world.engine.advance()
    _messages(world)
    assert envelopes(heard(world, endpoint)) >= BY_ENGINE


async def test_people_and_programs_are_told_of(api: ApiClients, db_session: AsyncSession) -> None:
    admin = await api(Role.ADMIN)
    await admin.post(
        "/api/v1/webhook-endpoints", json={"url": "https://hear.example.com/", "eventTypes": sorted(NAMES)}
    )
    graph = {
        "trigger": {"type": "event", "event": "signed_up"}, "nodes": [{"id": "end", "type": "end", "data": {}}],
        "edges": [{"source": "trigger", "target": "end"}],
    }  # fmt: skip
    workflow = (await admin.post("/api/v1/workflows", json={"name": "Welcome", **graph})).json()["data"]["id"]
    for act in ("activate", "pause"):
        assert (await admin.post(f"/api/v1/workflows/{workflow}/{act}")).status_code == 200
    segment = (await admin.post("/api/v1/segments", json={"name": "VIP", "kind": "static"})).json()["data"]["id"]
    contact = (await admin.post("/api/v1/contacts", json={"email": "ada@example.com"})).json()["data"]["id"]
    await admin.patch(f"/api/v1/contacts/{contact}", json={"attributes": {"plan": "pro"}})
    members = f"/api/v1/segments/{segment}/members"
    assert (await admin.post(members, json={"emails": ["ada@example.com"]})).status_code < 300
    removed = await admin.request("DELETE", members, json={"contactIds": [contact]})
    assert removed.status_code < 300, removed.text
    query = select(EventDelivery.type, EventDelivery.data)
    before = [(row[0], row[1]) for row in (await db_session.execute(query)).all()]
    await admin.delete(f"/api/v1/contacts/{contact}")
    after = [(row[0], row[1]) for row in (await db_session.execute(query)).all()]
    assert envelopes(before) | envelopes(after) == BY_PEOPLE
