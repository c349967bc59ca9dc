"""Urgent, normal and bulk messages take turns; order is kept within a priority, and what is queued follows its workflow."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from app.lib.ids import uuid7
from app.messaging import queue
from app.messaging.queue import LaneTurns
from app.models.status import Priority
from tests.messaging.test_order import order
from tests.messaging.world import World


def queued(world: World, priority: Priority, count: int) -> None:
    """Mails to people who are nobody, due one after the other."""
    world.db.execute(
        "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, priority, due_at, created_at)"
        " select run, 1, %s, %s, gen_random_uuid(), %s, 1, 0, %s, clock_now() - interval '1 hour' + n * interval '1 ms', clock_now()"
        " from unnest(%s::uuid[]) with ordinality as r(run, n)",
        (world.tenant, world.workflow_id, world.template_id, int(priority), [uuid7() for _ in range(count)]),
    )


def claimed(world: World, count: int, turns: LaneTurns) -> Counter[Priority]:
    """How many of each priority a look with so much room takes; they are over then."""
    (lane,) = queue.lanes(world.db)
    with world.db.transaction():
        due = queue.look(world.db, {lane: count}, turns).due
    runs = [one.run_id for one in due]
    priorities = world.db.execute(
        "update messages set status = 2, due_at = null, lease_until = null where run_id = any(%s) returning priority",
        (runs,),
    )
    return Counter(Priority(priority) for (priority,) in priorities)


def test_a_campaign_does_not_stand_before_what_people_wait_for(world: World) -> None:
    queued(world, Priority.BULK, 300)
    queued(world, Priority.NORMAL, 30)
    queued(world, Priority.URGENT, 10)
    turns = LaneTurns()
    assert claimed(world, 10, turns) == {Priority.URGENT: 6, Priority.NORMAL: 3, Priority.BULK: 1}
    assert claimed(world, 40, turns) == {Priority.URGENT: 4, Priority.NORMAL: 27, Priority.BULK: 9}
    assert claimed(world, 40, turns) == {Priority.BULK: 40}, "what is not used goes to the others"


def test_a_server_with_room_for_one_mail_serves_all(world: World) -> None:
    for priority in Priority:
        queued(world, priority, 40)
    turns, total = LaneTurns(), Counter[Priority]()
    for _ in range(20):
        total.update(claimed(world, 1, turns))
    assert total == {Priority.URGENT: 12, Priority.NORMAL: 6, Priority.BULK: 2}


def prioritised(world: World, run_id: UUID, priority: Priority) -> None:
    world.db.execute("update messages set priority = %s where run_id = %s", (int(priority), run_id))


def test_an_urgent_mail_does_not_wait_for_a_campaign_to_the_same_contact(world: World) -> None:
    contact = world.contact()
    bulk, urgent, ordinary = (
        world.message(contact, payload={"subject": word}) for word in ("bulk", "urgent", "ordinary")
    )
    prioritised(world, bulk, Priority.BULK)
    prioritised(world, urgent, Priority.URGENT)
    world.sink.script["RCPT"] = []
    (lane,) = queue.lanes(world.db)
    with world.db.transaction(force_rollback=True):
        taken = {one.run_id for one in queue.look(world.db, {lane: 10}, LaneTurns()).due}
    assert taken == {bulk, urgent}, "the ordinary one waits for the urgent one, which came before it"
    for _ in range(5):
        world.deliver()
        world.to_next_due()
    assert sorted(order(world)["zoe@example.com"]) == ["bulk", "ordinary", "urgent"]
    assert world.row(ordinary)["word"] == "sent"


def test_what_is_queued_follows_the_priority_of_its_workflow(world: World) -> None:
    queued(world, Priority.NORMAL, 30)
    held = world.message()
    world.db.execute("update messages set due_at = null, reason = 'no_connector' where run_id = %s", (held,))
    assert queue.follow_priorities(world.db) == 0
    world.db.execute("update workflows set priority = 2 where id = %s", (world.workflow_id,))
    assert queue.follow_priorities(world.db) == 31
    assert world.value("select array_agg(distinct priority) from messages") == [2]
    assert queue.follow_priorities(world.db) == 0
