"""The counters of messages follow each message to its outcome, whoever moves it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.engine import integrity
from app.messaging import ledger
from app.models.status import RunStatus
from tests.messaging.world import World

RULE = "a message is in the counter of what became of it"


def true_to_the_rows(world: World) -> bool:
    """Do the counters say what the messages say, by workflow, version and step?"""
    return not [breach for breach in integrity.check(world.db) if breach.rule == RULE]


@pytest.mark.parametrize(
    ("contact", "more", "counted"),
    [
        ({}, {}, "sent"),
        ({"consent": {"email": False}}, {}, "suppressed.no_consent"),
        ({"email": None}, {}, "suppressed.no_address"),
        ({}, {"run_status": RunStatus.GOAL_REACHED}, "suppressed.goal_reached"),
        ({}, {"template_id": uuid4()}, "failed"),
        ({}, {"template_id": uuid4(), "payload": {"awaited": True}}, "failed.awaited"),
    ],
)
def test_one_message_is_counted_once(world: World, contact: Any, more: Any, counted: str) -> None:
    run_id = world.message(world.contact(**contact), **more)
    assert world.counters() == {"queued": 1}
    world.deliver()
    assert world.counters() == {counted: 1} and true_to_the_rows(world)
    row = world.row(run_id)
    assert row["settled_at"] is not None
    reasons = {"sent": None, "failed": "no_template"}
    assert row["reason"] == reasons.get(counted.split(".")[0], counted.rpartition(".")[2])


@pytest.mark.parametrize(("step", "answer", "counted"), [
    ("RCPT", "451 4.7.1 Later", "queued"), ("RCPT", "550 5.7.1 No", "failed"), ("DATA", "554 5.3.4 Too big", "failed"),
    ("DOT", "cut", "uncertain"),
])  # fmt: skip
def test_what_the_server_answers_is_counted(world: World, step: str, answer: str, counted: str) -> None:
    world.sink.script[step] = [answer]
    run_id = world.message()
    world.deliver()
    assert world.counters() == {counted: 1} and true_to_the_rows(world)
    assert (world.row(run_id)["settled_at"] is None) == (counted == "queued")


def test_many_steps_of_many_workflows_at_once(world: World) -> None:
    flows = [world.workflow(world.tenant) for _ in range(3)]
    unwilling = world.contact("no@example.com", consent={"email": False})
    for number in range(24):
        world.message(
            unwilling if number % 6 == 0 else None,
            workflow_id=flows[number % 3],
            node_id=f"mail{number % 4}",
            template_id=uuid4() if number % 8 == 1 else world.template_id,
        )
    world.deliver()
    assert world.counters() == {"sent": 17, "failed": 3, "suppressed.no_consent": 4}
    assert true_to_the_rows(world)


def test_what_a_dead_worker_left_is_uncertain(world: World) -> None:
    for _ in range(3):
        world.message()
    world.db.execute("update messages set status = 1, due_at = null, lease_until = now() - interval '1 second'")
    assert len(ledger.expire(world.db)) == 3
    assert world.counters() == {"uncertain": 3} and true_to_the_rows(world)
