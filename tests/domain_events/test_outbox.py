"""What happens is written down for whoever listens, once, with what happened; and nothing where nobody listens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.counters.message_counters import QUEUED, moving
from app.engine import control
from app.lib import ids
from tests.domain_events.conftest import heard, listen
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ALL = [
    "workflow.run.started", "workflow.run.completed", "workflow.run.failed", "workflow.run.goal_reached", "workflow.run.exited",
    "workflow.run.cancelled", "contact.updated", "contact.attribute_changed", "segment.member.added", "segment.member.removed",
]  # fmt: skip


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    place = World(committed_database.url)
    place.travel(START)
    yield place
    place.close()


def test_runs_that_begin_and_end_are_told(world: World) -> None:
    endpoint = listen(world, *ALL)
    workflow = world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", [contact := world.contacts(1)[0]])
    told = heard(world, endpoint)
    assert [name for name, _ in told] == ["workflow.run.completed", "workflow.run.started"]
    run = world.one("select id from runs where workflow_id = %s", workflow)
    for _, data in told:
        assert data["runId"] == str(run) and data["workflowId"] == str(workflow) and data["workflowVersion"] == 1
        assert data["contact"]["id"] == str(contact) and data["contact"]["email"].startswith("u0-")
        assert data["startedAt"] == "2026-03-02T09:00:00.000000Z"


def test_each_end_has_its_name(world: World) -> None:
    endpoint = listen(
        world, *[name for name in ALL if name.startswith("workflow.run.") and name != "workflow.run.started"]
    )
    goals = [{"id": "bought", "name": "Bought", "event": "bought", "conditions": [], "match": "all"}]
    wait = flow("waits", [node("wait", "delay", duration=1, unit="days")], ("trigger", "wait"), goals=goals)
    waits = world.workflow(wait)
    world.workflow(
        flow(
            "fails", [node("check", "condition", conditions=[rule("event.n", "greater_than", 1)])], ("trigger", "check")
        )
    )
    first, second, third, fourth = world.contacts(4)
    world.emit("waits", [first, second, third])
    world.emit("bought", [first])
    world.emit("fails", [fourth], {"n": "much"})
    cancelled = world.one("select id from active_runs where contact_id = %s", second)
    world.db.execute(
        control.ending("tenant_id = %(tenant)s and id = any(%(ids)s)"),
        {"tenant": world.tenant, "ids": [cancelled], **control.CANCELLED},
    )
    world.travel(START + timedelta(days=2))
    told = dict(heard(world, endpoint))
    assert sorted(told) == [
        "workflow.run.cancelled", "workflow.run.completed", "workflow.run.failed", "workflow.run.goal_reached",
    ]  # fmt: skip
    assert told["workflow.run.goal_reached"]["goalId"] == "bought"
    assert told["workflow.run.goal_reached"]["contact"]["id"] == str(first)
    assert told["workflow.run.cancelled"]["runId"] == str(cancelled) and told["workflow.run.cancelled"]["error"] is None
    assert told["workflow.run.failed"]["error"]
    assert told["workflow.run.completed"]["workflowId"] == str(waits)


def test_a_run_without_a_contact_says_so(world: World) -> None:
    endpoint = listen(world, "workflow.run.completed")
    workflow = world.workflow(
        flow(None, [node("end", "end")], ("trigger", "end"), trigger={"data": {"contact": "none"}})
    )
    world.start_nobody(workflow)
    world.engine.advance()
    ((_, data),) = heard(world, endpoint)
    assert data["contact"] is None


def test_what_steps_change_of_contacts_is_told_as_it_was(world: World) -> None:
    endpoint = listen(world, "contact.updated", "contact.attribute_changed")
    world.workflow(flow("signed_up", [node("set", "update_contact", set={"plan": "pro"})], ("trigger", "set")))
    contact = world.contacts(1, attributes={"plan": "trial"})[0]
    world.emit("signed_up", [contact])
    told = dict(heard(world, endpoint))
    assert told["contact.updated"]["changed"] == ["attributes.plan"]
    assert told["contact.updated"]["previous"] == {"attributes": {"plan": "trial"}}
    assert told["contact.attribute_changed"]["attributes"] == {"plan": "pro"}
    assert told["contact.updated"]["contact"]["id"] == str(contact)


def test_every_endpoint_that_wants_it_gets_the_same_event(world: World) -> None:
    one, other = listen(world, "workflow.run.started"), listen(world, "workflow.run.started", "workflow.run.completed")
    off, elsewhere = listen(world, *ALL, enabled=False), listen(world, "contact.deleted")
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", world.contacts(3))
    assert len(heard(world, one)) == 3 and len(heard(world, other)) == 6
    assert heard(world, off) == heard(world, elsewhere) == []
    shared = "select count(distinct id), count(*) from event_deliveries where type = 'workflow.run.started'"
    assert world.db.execute(shared).fetchone() == (3, 6)


def test_another_workspace_hears_nothing(world: World) -> None:
    tenant = world.one("insert into workspaces (name, slug) values ('Other', 'other') returning id")
    listen(world, *ALL, tenant=tenant)
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", world.contacts(2))
    assert heard(world) == []


def test_a_batch_costs_one_statement_more_and_none_without_endpoints(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", world.contacts(1))
    statements: list[str] = []
    execute = psycopg.Cursor.execute
    monkeypatch.setattr(
        psycopg.Cursor,
        "execute",
        lambda self, query, *args, **more: statements.append(str(query)) or execute(self, query, *args, **more),
    )

    def asked(count: int) -> int:
        statements.clear()
        world.put("signed_up", world.contacts(count))
        world.engine.take_events()
        return sum("event_deliveries" in one for one in statements)

    assert (asked(1), asked(50)) == (0, 0)
    listen(world, "workflow.run.completed")
    assert (asked(1), asked(50)) == (1, 1)
    assert len(heard(world)) == 51


def test_what_is_rolled_back_is_not_told(world: World) -> None:
    listen(world, "workflow.run.started")
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.put("signed_up", world.contacts(2))
    world.db.execute(
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$"
    )
    world.db.execute("create trigger refuse before insert on steps for each statement execute function refuse()")
    try:
        with pytest.raises(Exception, match="no"):
            world.engine.take_events()
        assert heard(world) == []
    finally:
        world.db.execute("drop trigger refuse on steps")
        world.db.execute("drop function refuse")
    world.engine.advance()
    assert [name for name, _ in heard(world)] == ["workflow.run.started"] * 2


def test_an_unknown_contact_has_no_run(world: World) -> None:
    """A start for a contact that is not there is no run, so nothing is told."""
    listen(world, *ALL)
    world.workflow(flow("signed_up", [node("end", "end")], ("trigger", "end")))
    world.emit("signed_up", [ids.uuid7()])
    assert heard(world) == []


@pytest.mark.parametrize(
    ("status", "reason", "name"),
    [
        (2, None, "message.sent"),
        (8, "bad_address", "message.failed"),
        (10, "no_consent", "message.suppressed"),
        (0, None, None),
    ],
)
def test_what_becomes_of_messages_is_told(world: World, status: int, reason: str | None, name: str | None) -> None:
    endpoint = listen(world, "message.sent", "message.failed", "message.suppressed", "message.uncertain")
    template = world.one(
        "insert into templates (id, tenant_id, name) values (gen_random_uuid(), %s, 'Hello') returning id", world.tenant
    )
    world.workflow(flow("signed_up", [node("mail", "send_email", templateId=str(template))], ("trigger", "mail")))
    contact = world.contacts(1)[0]
    world.emit("signed_up", [contact])
    assert heard(world, endpoint) == []
    settle = moving(
        "update messages m set status = %(status)s, reason = %(reason)s, recipient = 'u0@example.test'", QUEUED
    )
    world.db.execute(settle, {"status": status, "reason": reason, "shard": 0})
    told = heard(world, endpoint)
    assert [one[0] for one in told] == ([name] if name else [])
    for _, data in told:
        assert data["contact"]["id"] == str(contact) and data["channel"] == "email" and data["nodeId"] == "mail"
        assert data["recipient"] == "u0@example.test" and data["reason"] == reason
