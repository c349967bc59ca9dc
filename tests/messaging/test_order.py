"""In which order messages leave: of a run in step order, of a contact in queue order, and nobody waits for what is held for long."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.lib.ids import uuid7
from app.messaging import queue
from tests.fixtures.sink import Sink
from tests.messaging.world import World


def order(world: World, sink: Sink | None = None) -> dict[str, list[str]]:
    """By recipient, the subjects in the order in which the server took them."""
    seen: dict[str, list[str]] = defaultdict(list)
    for mail in (sink or world.sink).mails:
        seen[str(mail["To"])].append(str(mail["Subject"]))
    return seen


def sequence(world: World, contact_id: UUID, count: int = 3, **more: Any) -> UUID:
    """A run that queued `count` mails a second apart, called 1, 2, 3 …; all are due."""
    run_id = world.message(contact_id, payload={"subject": "2", **more.pop("payload", {})}, **more)
    for n in range(3, count + 2):
        world.db.execute(
            "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, payload, due_at,"
            " created_at) select run_id, %s, tenant_id, workflow_id, contact_id, template_id, channel, 0, payload || %s, due_at,"
            " created_at + %s * interval '1 second' from messages where run_id = %s and seq = 2",
            (n, Jsonb({"subject": str(n)}), n - 2, run_id),
        )
    return run_id


def pass_until_over(world: World, rounds: int = 60) -> None:
    """Passes of two workers, with time moved on in between as far as the next message."""
    for _ in range(rounds):
        world.deliver_by_two()
        if not world.value("select count(*) from messages where status in (0, 1)"):
            return
        world.to_next_due()
    raise AssertionError(world.words())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_each_contact_gets_mail_in_order_whatever_is_deferred(world: World, seed: int) -> None:
    """An outage first, then random deferrals at every verb; two workers."""
    chance = random.Random(seed)
    contacts = {f"c{n}@example.com": world.contact(f"c{n}@example.com") for n in range(6)}
    for contact in contacts.values():
        sequence(world, contact)
    for contact in contacts.values():
        sequence(world, contact, 2)
    world.db.execute("update connectors set config = config || jsonb_build_object('port', 9)")
    world.deliver_by_two()
    world.db.execute("update connectors set config = config || jsonb_build_object('port', %s::int)", (world.sink.port,))
    world.to_next_due()
    for verb in ("RCPT", "DOT"):
        world.sink.script[verb] = [chance.choice([None, None, "451 4.3.0 Later", "452 4.2.2 Full"]) for _ in range(12)]
    pass_until_over(world)
    assert world.words() == {"sent": 30}
    # The second run's mails were queued a moment after those of the first.
    assert order(world) == {address: ["2", "2", "3", "3", "4"] for address in contacts}


@pytest.mark.parametrize("answer", ["550 5.1.1 No such user", "554 5.7.1 No", "cut"])
def test_an_end_of_any_kind_lets_the_next_go(world: World, answer: str) -> None:
    contact = world.contact()
    world.sink.script["RCPT" if answer != "cut" else "DOT"] = [answer]
    run_id = sequence(world, contact)
    world.db.execute("update suppressions set lifted_at = now()")
    world.deliver()
    words = dict(world.db.execute("select seq, status from messages where run_id = %s", (run_id,)).fetchall())
    assert words[2] in (8, 9) and words[3] != 0 and words[4] != 0, "nobody waits for what is over"


def test_what_a_dead_worker_left_lets_the_next_go(world: World) -> None:
    run_id = sequence(world, world.contact(), 2)
    world.db.execute(
        "update messages set status = 1, due_at = null, lease_until = now() - interval '1 second' where seq = 2"
    )
    world.db.execute(
        "update messages set reason = 'waits_turn', due_at = clock_now() + interval '1 hour' where seq = 3"
    )
    world.deliver()
    assert dict(world.db.execute("select seq, status from messages where run_id = %s", (run_id,)).fetchall()) == {
        2: 9,
        3: 2,
    }


def test_another_run_passes_what_is_held_for_long(world: World) -> None:
    """By its workflow, by its connector, by a server that this one does not need, or by a far retry."""
    plain = world.connector(world.tenant, 9, default=False)
    paused = world.workflow(world.tenant, "paused")
    earlier = [
        ("held by workflow", {"workflow_id": paused}),
        ("other server away", {"payload": {"connectorId": str(plain)}}),
    ]
    for name, more in earlier:
        contact = world.contact(f"{name.replace(' ', '-')}@example.com")
        first = sequence(world, contact, 2, **more)
        world.deliver()
        later = world.message(contact)
        world.deliver()
        assert (world.row(first)["word"], world.row(later)["word"]) == ("queued", "sent"), name
    world.sink.script["RCPT"] = ["451 4.3.0 Later"] * 6
    contact = world.contact("far@example.com")
    first = world.message(contact)
    for _ in range(6):
        world.deliver()
        world.make_due()
    world.db.execute("update messages set due_at = clock_now() + interval '20 minutes' where run_id = %s", (first,))
    later = world.message(contact)
    world.deliver()
    assert (world.row(first)["word"], world.row(later)["word"]) == ("queued", "sent")


def test_a_near_retry_is_waited_for_by_another_run_and_within_a_run_any(world: World) -> None:
    contact = world.contact()
    world.sink.script["RCPT"] = ["451 4.3.0 Later"]
    first = sequence(world, contact, 2)
    world.deliver()
    later = world.message(contact)
    world.deliver()
    assert not world.sink.mails and world.row(later)["reason"] == "waits_turn"
    world.db.execute(
        "update messages set due_at = clock_now() + interval '20 minutes' where run_id = %s and seq = 2", (first,)
    )
    world.db.execute("update messages set due_at = clock_now() where reason = 'waits_turn'")
    world.deliver()
    assert world.row(later)["word"] == "sent"
    assert order(world)["zoe@example.com"] == ["Hi Zoé"], "step 3 of the first run still waits for its step 2"


def test_blocked_rows_are_met_once_and_not_at_every_look(world: World) -> None:
    contact = world.contact()
    world.sink.script["RCPT"] = ["451 4.3.0 Later"]
    sequence(world, contact, 90)
    fine = world.message()
    world.deliver()
    assert world.row(fine)["word"] == "sent" and world.words()["queued"] == 90
    assert world.value("select count(*) from messages where due_at <= clock_now()") == 0
    pass_until_over(world)
    assert order(world)["zoe@example.com"] == [str(n) for n in range(2, 92)]


def test_a_look_reads_few_rows_of_a_long_queue(world: World) -> None:
    """Of 20,000 due rows, two in three of them blocked: those of its window, and an index entry or two for each."""
    world.db.execute(
        "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, due_at, created_at)"
        " select r.id, s, %s, %s, r.contact, %s, 1, 0, clock_now() - interval '1 hour', clock_now() - interval '1 hour'"
        " from (select id, gen_random_uuid() as contact from unnest(%s::uuid[]) as r(id)) r, generate_series(1, 3) s",
        (world.tenant, world.workflow_id, world.template_id, [uuid7() for _ in range(6667)]),
    )
    world.db.execute("analyze messages")
    full = world.value("select distinct tableoid::regclass::text from messages")  # the months to come are empty
    looked = {
        "tenant": [world.tenant], "channel": [1], "lane": [""], "priority": [1], "count": [40], "via": [world.connector_id],
        "pass_over": 300,
    }  # fmt: skip
    with world.db.transaction(force_rollback=True):
        found = world.db.execute("explain (analyze, format json) " + queue._LOOK, looked).fetchone()
    plan = found[0][0]["Plan"] if found else {}
    read: list[tuple[str, str, float]] = []

    def walk(node: dict[str, Any]) -> None:
        if node.get("Relation Name") == full:
            read.append((node["Node Type"], node.get("Index Name", ""), node["Actual Rows"] * node["Actual Loops"]))
        for child in node.get("Plans", ()):
            walk(child)

    walk(plan)
    assert read and all(kind.startswith("Index") for kind, _, _ in read), json.dumps(plan)[:2000]
    assert {index for _, index, _ in read} <= {f"{full}_due", f"{full}_pkey", f"{full}_open"}
    assert sum(rows for _, _, rows in read) <= 40 * 5, read


def test_ids_of_runs_do_not_decide_between_runs_of_one_moment(world: World) -> None:
    """Two runs of one batch have the same moment; each keeps its own order all the same."""
    contact = world.contact()
    for _ in range(2):
        sequence(world, contact)
    world.db.execute("update messages set created_at = clock_now()")
    world.deliver_by_two()
    pass_until_over(world)
    subjects = order(world)["zoe@example.com"]
    assert sorted(subjects) == ["2", "2", "3", "3", "4", "4"]
    assert subjects == ["2", "3", "4"] * 2
