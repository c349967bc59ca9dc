"""The checker of the invariants: a busy database is whole, and each kind of damage is found and named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.engine import integrity
from app.lib.ids import uuid7
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def busy(world: World) -> World:
    """Runs that completed, wait, retry, failed, reached a goal, were cancelled; messages; a second version."""
    world.travel(NOON)
    template = str(uuid7())
    graph = flow(
        "go",
        [
            node("c", "condition", conditions=[rule("contact.source", "equals", "web")]),
            node("mail", "send_email", templateId=template),
            node("d", "delay", duration=1, unit="hours"),
            node("t", "trouble", {"maxAttempts": 2, "delaySeconds": 60}),
            node("end", "end"),
        ],
        ("trigger", "c"), ("c", "mail", "true"), ("c", "t", "false"), ("mail", "d"), ("d", "end"), ("t", "end"),
        goals=[{"id": "bought", "event": "bought"}],
    )  # fmt: skip
    workflow = world.workflow(graph)
    web, other = world.contacts(4, source="web"), world.contacts(5)
    world.emit("go", [*web, *other])
    world.emit("bought", web[:1])
    world.travel(NOON + timedelta(minutes=5))
    world.publish(workflow, graph, 2)
    world.emit("go", world.contacts(2, source="web"))
    assert world.runs(workflow) == {"waiting": 5, "completed": 4, "failed": 1, "goal_reached": 1}
    return world


def test_a_busy_database_is_whole(busy: World) -> None:
    assert integrity.check(busy.db) == []
    busy.travel(NOON + timedelta(days=1))
    assert integrity.check(busy.db) == []


DAMAGE = {
    "a step is lost": (
        "delete from steps where (run_id, seq) in (select run_id, seq from steps where seq = 1 limit 1)",
        "I1",
    ),
    "the last step is lost": (
        "delete from steps where run_id in (select id from runs where status = 4 limit 1) and seq = 2",
        "I1",
    ),
    "a step too many": (
        "insert into steps (tenant_id, run_id, seq, node_id, status, port, attempt, occurrence, started_at, completed_at)"
        " select tenant_id, run_id, 9, node_id, status, port, attempt, occurrence, started_at, completed_at from steps"
        " where seq = 1 limit 1",
        "I2",
    ),
    "a step that follows from nothing": ("update steps set port = 'false' where port = 'true'", "I1"),
    "a run without a time": ("update active_runs set resume_at = null where status = 1", "I1"),
    "a run that nobody wakes": ("delete from wakes", "I1"),
    "a run that is woken too late": ("update wakes set at = at + interval '1 hour'", "I1"),
    "a run that never ends": ("update ended_runs set resume_at = now() where status = 4", "I1"),
    "a run that stands elsewhere": ("update active_runs set current_node_id = 'end' where status = 1", "I1"),
    "a run of nobody": ("delete from contacts where id in (select contact_id from runs where status = 1)", "I1"),
    "a lost message": ("delete from messages", "I3"),
    "a message of no step": ("update messages set seq = 7", "I3"),
    "a message of no send step": ("update messages set seq = 1", "I3"),
    "a run that waits for no message": ("update active_runs set status = 2, resume_at = null where status = 1", "I1"),
    "a message of another step": ("update messages set node_id = 'end'", "I3"),
    "a message counted as something else": ("update messages set status = 8, due_at = null", "I5"),
    "a message counted nowhere": ("delete from node_stats where key = 'message.queued'", "I5"),
    "a message that is sent and waits": ("update messages set status = 2", "I3"),
    "a counter that is wrong": ("update node_stats set n = n + 1 where key = 'true'", "I5"),
    "a counter that is gone": ("delete from node_stats where node_id = '' and key = 'entered'", "I5"),
    "a run counted as something else": ("update ended_runs set status = 7 where status = 6", "I5"),
    "a version that is gone": ("delete from workflow_versions where version = 1", "I8"),
    "a run moved to another graph": (
        "update workflow_versions set graph = replace(graph::text, '\"mail\"', '\"post\"')::jsonb where version = 1",
        "I8",
    ),
    "a run of another workspace": ("update ended_runs set tenant_id = tenant_id + 1", "I9"),
    "a message of another contact": ("update messages set contact_id = gen_random_uuid()", "I9"),
    "steps of no run": (
        "update steps set run_id = ('00000000-0000-7000-8000-' || right(run_id::text, 12))::uuid where node_id = 't'",
        "I9",
    ),
    "a tag without its row": ("update contacts set tags = '{vip}'", "I10"),
    "a row without its tag": (
        "insert into contact_tags (tenant_id, tag, created_at, contact_id) select tenant_id, 'vip', created_at, id from contacts limit 1",
        "I10",
    ),
    "counters of another workspace": ("update node_stats set tenant_id = tenant_id + 1", "I9"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found_and_named(busy: World, damage: str) -> None:
    sql, invariant = DAMAGE[damage]
    assert busy.db.execute(sql).rowcount > 0
    found = integrity.check(busy.db)
    assert invariant in {breach.invariant for breach in found}
    assert all(str(breach).startswith(f"{breach.invariant}  {breach.rule}: ") for breach in found)


def test_a_flood_of_breaches_stays_small(busy: World) -> None:
    busy.db.execute(
        "insert into steps (tenant_id, run_id, seq, node_id, status, started_at, completed_at)"
        " select %s, ('00000000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, 'x', 4, now(), now()"
        " from generate_series(1, 500) n",
        (busy.tenant,),
    )
    assert len(integrity.check(busy.db)) == integrity.SHOWN


def test_it_writes_nothing(busy: World) -> None:
    busy.db.execute("set default_transaction_read_only = on")
    assert integrity.check(busy.db) == []
