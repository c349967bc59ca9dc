"""Runs that wait for their message: whatever becomes of it, no run waits for ever, and none is moved twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.engine import integrity
from app.messaging import ledger
from app.models.status import MessageStatus
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    made = World(committed_database.url)
    made.travel(NOON)
    yield made
    made.close()


def waiting(world: World, *, wired: bool = True) -> UUID:
    """A workflow with two contacts who wait for their emails, whose fate nobody knows."""
    nodes = [
        node("mail", "send_email", templateId="550e8400-e29b-41d4-a716-446655440001", goOn="sent"),
        node("yes", "add_tag", tag="yes"), node("no", "add_tag", tag="no"), node("d", "delay", duration=9, unit="days"),
    ]  # fmt: skip
    error = [("mail", "no", "error")] if wired else []
    flow_id = world.workflow(flow("e", nodes, ("trigger", "mail"), ("mail", "yes"), *error, ("no", "d"), ("yes", "d")))
    world.emit("e", world.contacts(2))
    world.db.execute("update messages set status = 1, due_at = null, lease_until = now() - interval '1 second'")
    assert len(ledger.expire(world.db)) == 2
    return flow_id


def settle_by_hand(world: World, port: str) -> None:
    """What the pages and the API put into the inbox when a person says what became of the messages."""
    for run_id, seq, contact in world.db.execute("select run_id, seq, contact_id from messages").fetchall():
        note: dict[str, Any] = {"seq": seq, "port": port, "output": {"status": "sent" if port == "next" else "failed"}}
        world.put(
            "message.settled", [contact], note | {"error": "No"} if port == "error" else note, kind=2, run_id=run_id
        )
    world.engine.advance()


@pytest.mark.parametrize(("wired", "runs"), [(True, {"waiting": 2}), (False, {"failed": 2})])
def test_after_a_day_they_leave_by_error(world: World, wired: bool, runs: dict[str, int]) -> None:
    flow_id = waiting(world, wired=wired)
    assert integrity.check(world.db) == []
    world.travel(NOON + timedelta(hours=23, minutes=59))
    assert ledger.settle_undecided(world.db) == 0
    assert world.runs(flow_id) == {"running": 2}
    world.travel(NOON + timedelta(hours=24))
    assert ledger.settle_undecided(world.db) == 2
    world.engine.advance()
    assert world.runs(flow_id) == runs
    assert world.one("select distinct error_message from steps where node_id = 'mail'") == (
        "Nobody could say within 24 hours whether the message left."
    )
    assert world.one("select distinct output->>'status' from steps where node_id = 'mail'") == "uncertain"
    assert world.one("select distinct status from messages") == MessageStatus.UNCERTAIN
    assert world.counters()["mail", "message.uncertain"] == 2
    assert ledger.settle_undecided(world.db) == 0
    assert integrity.check(world.db) == []


def test_the_limit_is_a_setting(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from app.settings import settings

    monkeypatch.setenv("THROUGHLINE_UNCERTAIN_HOURS", "3")
    settings.cache_clear()
    try:
        waiting(world)
        world.travel(NOON + timedelta(hours=2))
        assert ledger.settle_undecided(world.db) == 0
        world.travel(NOON + timedelta(hours=3))
        assert ledger.settle_undecided(world.db) == 2
    finally:
        monkeypatch.undo()
        settings.cache_clear()


@pytest.mark.parametrize("port", ["next", "error"])
def test_settled_after_the_limit_moves_no_run_again(world: World, port: str) -> None:
    flow_id = waiting(world)
    world.travel(NOON + timedelta(hours=25))
    ledger.settle_undecided(world.db)
    world.engine.advance()
    before = world.steps(flow_id)
    settle_by_hand(world, port)
    assert world.steps(flow_id) == before == [("mail", "failed", "error"), ("no", "completed", "next")] * 2
    world.balanced()


@pytest.mark.parametrize(("port", "tag"), [("next", "yes"), ("error", "no")])
def test_settled_before_the_limit_moves_the_run_once(world: World, port: str, tag: str) -> None:
    flow_id = waiting(world)
    settle_by_hand(world, port)
    world.travel(NOON + timedelta(hours=25))
    ledger.settle_undecided(world.db)
    world.engine.advance()
    assert world.one("select count(*) from contacts where tags = array[%s]", tag) == 2
    assert world.runs(flow_id) == {"waiting": 2}
    world.balanced()


@pytest.mark.parametrize("how", ["paused", "erased"])
def test_who_left_or_rests_is_not_moved_by_the_limit(world: World, how: str) -> None:
    flow_id = waiting(world)
    if how == "paused":
        world.set_status(flow_id, "paused")
    else:
        world.db.execute("delete from contacts")
        for (contact,) in world.db.execute("select contact_id from runs").fetchall():
            world.put("contact.erased", [contact], kind=3)
    world.travel(NOON + timedelta(hours=25))
    ledger.settle_undecided(world.db)
    world.engine.advance()
    if how == "paused":
        assert world.runs(flow_id) == {"running": 2} and world.one("select count(*) from steps") == 0
        world.set_status(flow_id, "active")
        world.engine.advance()
        assert world.runs(flow_id) == {"waiting": 2}
    else:
        assert world.runs(flow_id) == {"cancelled": 2} and world.one("select count(*) from steps") == 2
    world.balanced()


def by_rule(world: World, then: str, *, wired: bool = True, go_on: str = "sent", hours: int = 2) -> UUID:
    """Like `waiting`, in a workflow with a rule for uncertain emails."""
    nodes = [
        node("mail", "send_email", templateId="550e8400-e29b-41d4-a716-446655440001", goOn=go_on),
        node("yes", "add_tag", tag="yes"), node("no", "add_tag", tag="no"), node("d", "delay", duration=9, unit="days"),
    ]  # fmt: skip
    settings = {"uncertain": {"then": then, "after": {"duration": hours, "unit": "hours"}}}
    error = [("mail", "no", "error")] if wired else []
    edges = (("trigger", "mail"), ("mail", "yes"), *error, ("no", "d"), ("yes", "d"))
    flow_id = world.workflow(flow("e", nodes, *edges, settings=settings))
    world.emit("e", world.contacts(2))
    get_lost(world)
    return flow_id


def get_lost(world: World) -> None:
    world.db.execute("update messages set status = 1, due_at = null, lease_until = now() - interval '1 second'")
    assert len(ledger.expire(world.db)) == 2


@pytest.mark.parametrize(
    ("then", "tag", "word", "act"), [("assume_sent", "yes", "sent", "sent"), ("error", "no", "failed", "failed")]
)
def test_a_rule_decides_when_nobody_has(world: World, then: str, tag: str, word: str, act: str) -> None:
    flow_id = by_rule(world, then)
    version_2 = {"uncertain": {"then": "resend", "after": {"duration": 1, "unit": "minutes"}}}
    draft = world.one("select draft from workflows where id = %s", flow_id)
    world.publish(flow_id, {**draft, "settings": version_2}, 2)
    world.travel(NOON + timedelta(hours=1, minutes=59))
    assert ledger.settle_undecided(world.db) == 0 and world.runs(flow_id) == {"running": 2}, (
        "the rule is that of their version"
    )
    assert integrity.check(world.db) == []
    world.travel(NOON + timedelta(hours=2))
    assert ledger.settle_undecided(world.db) == 2
    world.engine.advance()
    assert world.one("select count(*) from contacts where tags = array[%s]", tag) == 2
    assert world.one("select distinct status from messages") == MessageStatus.of(word.upper())
    rows = world.db.execute("select act, by_kind, was_status, was_reason from message_decisions").fetchall()
    assert rows == [(act, "rule", 9, "worker_lost")] * 2
    if word == "failed":
        assert world.one("select distinct error_message from steps where node_id = 'mail'") == (
            "Nobody could say within 2 hours whether the message left."
        )
    else:
        assert world.one("select distinct sent_at from messages") == NOON, "it left then, if it left"
    assert ledger.settle_undecided(world.db) == 0
    world.balanced()


def test_a_rule_sends_again_once_and_then_asks_a_person(world: World) -> None:
    flow_id = by_rule(world, "resend")
    world.travel(NOON + timedelta(hours=2))
    assert ledger.settle_undecided(world.db) == 0
    assert world.one("select count(*) from messages where status = 0 and due_at is not null and attempt = 0") == 2
    assert world.runs(flow_id) == {"running": 2} and integrity.check(world.db) == []
    get_lost(world)
    world.travel(NOON + timedelta(hours=25))
    assert ledger.settle_undecided(world.db) == 0, "its run waits a day for a person"
    world.travel(NOON + timedelta(hours=26))
    assert ledger.settle_undecided(world.db) == 2
    world.engine.advance()
    assert world.one("select count(*) from contacts where tags = array['no']") == 2
    assert world.one("select distinct status from messages") == MessageStatus.UNCERTAIN
    assert world.one("select count(*) from message_decisions where act = 'resent'") == 2
    world.balanced()


@pytest.mark.parametrize("then", ["assume_sent", "resend", "error"])
def test_a_rule_also_decides_where_no_run_waits(world: World, then: str) -> None:
    by_rule(world, then, wired=False, go_on="queued")
    assert integrity.check(world.db) == []
    world.travel(NOON + timedelta(hours=2))
    assert ledger.settle_undecided(world.db) == 0
    words = {"assume_sent": "sent", "resend": "queued", "error": "failed"}
    assert world.one("select distinct status from messages") == MessageStatus.of(words[then].upper())
    world.balanced()


def test_a_message_that_is_gone_is_named(world: World) -> None:
    waiting(world)
    world.db.execute("delete from messages where run_id = (select run_id from messages limit 1)")
    rule = "a run that waits for a message has one that comes to an outcome"
    assert [breach.rule for breach in integrity.check(world.db)].count(rule) == 1
