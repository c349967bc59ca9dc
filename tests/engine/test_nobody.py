"""Runs without a contact: they walk beside those of contacts, in the same batches, and nothing of a contact applies to them."""

from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from app.engine import advance, due, integrity
from app.engine.walk import Batch
from app.lib.ids import uuid7
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node, rule

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WITHOUT = "This step needs a contact, and this run has none."


def asking(contact: str = "optional", *nodes: dict[str, Any], **more: Any) -> dict[str, Any]:
    """`n` decides: 1 waits an hour, others are through. Whatever `nodes` do comes behind the wait."""
    behind = [*nodes, node("end", "end")]
    ways = [(one["id"], other["id"]) for one, other in itertools.pairwise(behind)]
    return flow(
        None,
        [node("c", "condition", conditions=[rule("event.n", "equals", 1)]), node("d", "delay", duration=1, unit="hours"), *behind],
        ("trigger", "c"), ("c", "d", "true"), ("d", behind[0]["id"]), *ways,
        trigger={"data": {"contact": contact}}, **more,
    )  # fmt: skip


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """(runs, shared paths) of each batch that is written."""
    seen: list[tuple[int, int]] = []
    write = advance.write

    def writing(cursor: Any, batch: Batch, *arguments: Any, **named: Any) -> None:
        seen.append((batch.size, len(batch.paths)))
        write(cursor, batch, *arguments, **named)

    monkeypatch.setattr(advance, "write", writing)
    return seen


def test_runs_of_nobody_go_beside_runs_of_contacts(any_way: World, batches: list[tuple[int, int]]) -> None:
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(asking(settings={"reentry": "always"}))
    people = world.contacts(2)
    for n in (1, 2):
        world.start_nobody(workflow, {"n": n}, 3)
        world.put("manual", people, {"n": n}, kind=1, workflow_id=workflow)
    world.engine.advance()
    assert world.runs(workflow) == {"waiting": 5, "completed": 5}
    assert batches == [(10, 3)], "one batch; who waits and who is through share a path each, with a contact or without"
    assert world.one("select count(*) from runs where contact_id is null and entry_key is null") == 6
    assert world.one("select count(distinct contact_id) from runs") == 2
    world.balanced()
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"completed": 10}
    assert [size for size, _ in batches] == [10, 5]
    world.balanced()
    assert integrity.check(world.db) == []


@pytest.mark.parametrize("contact", ["required", "optional", "none"])
def test_a_trigger_says_whether_its_runs_have_a_contact(world: World, contact: str) -> None:
    workflow = world.workflow(asking(contact))
    (person,) = world.contacts(1)
    world.start_nobody(workflow)
    world.put("manual", [person], kind=1, workflow_id=workflow)
    world.engine.advance()
    whose = {one for (one,) in world.db.execute("select contact_id from runs")}
    assert whose == {"required": {person}, "optional": {person, None}, "none": {None}}[contact]
    refused = world.db.execute("select reason, contact_id from entry_refusals").fetchall()
    expected = {"required": [("needs_contact", None)], "optional": [], "none": [("takes_no_contact", person)]}
    assert refused == expected[contact]


def test_a_start_goes_by_the_first_trigger_that_takes_it(world: World) -> None:
    graph = flow(None, [node("a", "end"), node("b", "end")], ("event", "a"), ("hand", "b"))
    del graph["trigger"]
    hand = {"id": "hand", "type": "manual", "data": {"contact": "none"}}
    workflow = world.workflow({**graph, "triggers": [{"id": "event", "type": "event", "data": {"event": "e"}}, hand]})
    (person,) = world.contacts(1)
    world.start_nobody(workflow)
    world.put("manual", [person], kind=1, workflow_id=workflow)
    world.emit("e", [person])
    found = world.db.execute("select contact_id, trigger_id from runs").fetchall()
    assert sorted(found, key=str) == sorted([(None, "hand"), (person, "event"), (person, "event")], key=str)


@pytest.mark.parametrize("reentry", ["once", "cooldown", "after_exit"])
def test_rules_of_entry_ask_about_a_contact(world: World, reentry: str) -> None:
    settings = {"reentry": reentry, "cooldownSeconds": 3600, "entryKey": "event.order"}
    workflow = world.workflow(asking(settings=settings))
    (person,) = world.contacts(1)
    for _ in range(2):
        world.start_nobody(workflow, {"n": 1, "order": "a"}, 2)
        world.put("manual", [person], {"n": 1, "order": "a"}, kind=1, workflow_id=workflow)
        world.engine.advance()
    assert world.one("select count(*) from runs where contact_id is null") == 4
    assert world.one("select count(*) from runs where contact_id is not null") == 1
    assert integrity.check(world.db) == []


def test_conditions_of_the_trigger_are_asked(world: World) -> None:
    graph = asking()
    graph["trigger"]["conditions"] = [rule("event.n", "greater_than", 1)]
    workflow = world.workflow(graph)
    world.start_nobody(workflow, {"n": 1})
    world.start_nobody(workflow, {"n": 2})
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}
    assert world.one("select reason from entry_refusals where contact_id is null") == "conditions_not_met"


def test_a_paused_workflow_starts_nobody_and_a_cancelled_run_stays_away(world: World) -> None:
    world.travel(NOON)
    workflow = world.workflow(asking())
    world.start_nobody(workflow, {"n": 1})
    world.engine.advance()
    world.set_status(workflow, "paused")
    world.start_nobody(workflow, {"n": 1})
    world.travel(NOON + timedelta(hours=2))
    assert world.runs(workflow) == {"waiting": 1}
    assert world.one("select reason from entry_refusals where contact_id is null") == "workflow_paused"
    world.set_status(workflow, "active")
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 1}


@pytest.mark.parametrize(
    "step",
    [node("x", "add_tag", tag="a"), node("x", "send_email", templateId=str(uuid7())), node("x", "update_contact", set={"a": 1})],
)  # fmt: skip
def test_a_step_that_needs_a_contact_fails_in_words_and_does_nothing(
    any_way: World, step: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Publishing refuses such a workflow; a version from before may be there."""
    world = any_way
    world.travel(NOON)
    workflow = world.workflow(asking("optional", step))
    (person,) = world.contacts(1)
    world.start_nobody(workflow, {"n": 1}, 2)
    world.put("manual", [person], {"n": 1}, kind=1, workflow_id=workflow)
    world.engine.advance()
    world.travel(NOON + timedelta(hours=1))
    assert world.runs(workflow) == {"failed": 2, "completed": 1}
    assert world.one("select distinct error_message from runs where contact_id is null") == WITHOUT
    assert world.one("select count(*) from messages where contact_id is distinct from %s", person) == 0
    world.balanced()


def test_goals_are_of_contacts(world: World) -> None:
    goal = {"id": "g", "event": "bought", "checkContact": True, "conditions": [rule("contact.email", "not_exists")]}
    workflow = world.workflow(asking(goals=[goal]))
    (person,) = world.contacts(1)
    world.start_nobody(workflow, {"n": 1})
    world.engine.advance()
    world.emit("bought", [person])
    assert world.runs(workflow) == {"waiting": 1}


def test_a_held_contact_holds_up_no_run_of_nobody(world: World, committed_database: CommittedDatabase) -> None:
    """Neither its start, though events of the contact stay in the inbox, nor its timer."""
    world.travel(NOON)
    workflow = world.workflow(asking())
    (person,) = world.contacts(1)
    world.start_nobody(workflow, {"n": 1})
    world.put("manual", [person], {"n": 1}, kind=1, workflow_id=workflow)
    world.engine.advance()
    world.db.execute("update virtual_clock set at = %s", (NOON + timedelta(hours=2),))
    with psycopg.connect(committed_database.url) as other:
        other.execute("select from contacts where id = %s for update", (person,))
        world.start_nobody(workflow, {"n": 2})
        world.put("manual", [person], {"n": 2}, kind=1, workflow_id=workflow)
        world.engine.advance()
        assert world.one("select count(*) from runs where contact_id is null and status = 4") == 2
        assert world.one("select count(*) from runs where contact_id is not null and status = 4") == 0
        other.rollback()
    world.engine._looked = 0
    world.engine.advance()
    assert world.runs(workflow) == {"completed": 3}
    assert world.one("select reason from entry_refusals") == "already_active"
    assert world.one("select count(*) from inbox") == 0


def test_the_due_claim_finds_runs_and_contacts_by_their_keys(world: World) -> None:
    """Of 20,000 runs, half of them of nobody: those of the batch, and a contact for each that has one."""
    workflow = world.workflow(asking())
    world.db.execute(
        "insert into contacts (id, tenant_id, email) select gen_random_uuid(), %s, n || '@example.test' from generate_series(1, 10000) n",
        (world.tenant,),
    )
    world.db.execute(
        "insert into active_runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, status, seq, current_node_id,"
        " resume_at) select gen_random_uuid(), whose, %s, %s, 1, now(), 1, 1, 'd', now() - interval '1 hour' + n * interval '10 ms' from ("
        " select id as whose, 2 * row_number() over () as n from contacts"
        " union all select null, 2 * n + 1 from generate_series(1, 10000) n) r",
        (world.tenant, workflow),
    )
    world.db.execute("analyze active_runs")
    world.db.execute("analyze contacts")
    world.db.execute("analyze workflows")
    with world.db.transaction(force_rollback=True):
        shares = {"tenants": [world.tenant], "workflows": [workflow], "shares": [500], "limit": 500, "but": []}
        found = world.db.execute(f"explain (analyze, format json) {due.shared_out(', c.email')}", shares).fetchone()
    read: list[tuple[str, str, str, float]] = []

    def walk(plan: dict[str, Any]) -> None:
        if (table := plan.get("Relation Name")) in ("active_runs", "contacts"):
            read.append(
                (table, plan["Node Type"], plan.get("Index Name", ""), plan["Actual Rows"] * plan["Actual Loops"])
            )
        for child in plan.get("Plans", ()):
            walk(child)

    plan = found[0][0]["Plan"] if found else {}
    walk(plan)
    assert [(table, index) for table, _, index, _ in read] == [
        ("active_runs", "active_runs_due"),
        ("contacts", "contacts_pkey"),
    ], json.dumps(plan)[:2000]
    counts = [rows for *_, rows in read]
    assert counts[0] <= 501 and counts[1] <= 251, read
