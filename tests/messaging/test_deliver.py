"""Delivery against a real database and a real mail server: sent once, told rightly, never against a person's will."""

from __future__ import annotations

import asyncio
import importlib
import signal
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.lib import database
from app.messaging import ledger, shares
from app.messaging.deliver import Delivery
from app.messaging.ledger import Connection, Transition
from app.models.status import RunStatus
from tests.fixtures import forked
from tests.fixtures.sink import Sink
from tests.messaging.world import World


def test_a_message_is_rendered_and_sent_once(world: World) -> None:
    run_id = world.message(world.contact())
    assert world.deliver() is False
    world.deliver()
    row = world.row(run_id)
    assert (row["word"], row["recipient"], row["subject"], row["attempt"]) == ("sent", "zoe@example.com", "Hi Zoé", 1)
    assert row["sent_at"] and row["due_at"] is None and row["lease_until"] is None and row["error_message"] is None
    (mail,) = world.sink.mails
    assert mail["Message-ID"] == f"<{run_id}.2@throughline>"
    assert mail["From"] == "The Shop <shop@example.com>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["List-Unsubscribe"].startswith("<http")
    assert "Hello Zoé, shoes" in mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert mail.get_body(("plain",)).get_content().strip() == "Hello Zoé, shoes"  # type: ignore[union-attr]


def test_the_step_names_sender_subject_and_connector(world: World) -> None:
    other = Sink()
    other.start()
    try:
        second = world.connector(world.tenant, other.port, default=False)
        payload = {"fromName": "Ann\r\nBcc: x@y.z", "fromEmail": "ann@example.com", "replyTo": "help@example.com",
                   "connectorId": str(second), "subject": "S {{ event.thing }}"}  # fmt: skip
        world.message(world.contact(), payload=payload)
        world.deliver()
        (mail,) = other.mails
    finally:
        other.stop()
    assert not world.sink.mails
    assert mail["From"].addresses[0].addr_spec == "ann@example.com"
    assert mail["From"].addresses[0].display_name == "Ann Bcc: x@y.z"
    assert (mail["Reply-To"], mail["Subject"], mail["Bcc"]) == ("help@example.com", "S shoes", None)


def test_a_backlog_goes_over_few_connections(world: World) -> None:
    for _ in range(60):
        world.message()
    world.deliver()
    assert world.words() == {"sent": 60}
    assert len(world.sink.ids) == 60 and set(world.sink.ids.values()) == {1}
    assert world.sink.connections <= shares.CONNECTIONS


def test_two_workers_never_send_the_same(world: World) -> None:
    for _ in range(60):
        world.message()

    world.deliver_by_two()
    assert world.words() == {"sent": 60}
    assert set(world.sink.ids.values()) == {1}


@pytest.mark.parametrize(
    ("contact", "more", "reason"),
    [
        ({"consent": {"email": False}}, {}, "consent for email"),
        ({"consent": {"news": False}}, {"payload": {"topic": "news"}}, "topic news"),
        ({"email": None}, {}, "no email address"),
        ({}, {"run_status": RunStatus.CANCELLED}, "cancelled"),
        ({}, {"run_status": RunStatus.EXITED}, "left the workflow"),
        ({}, {"run_status": RunStatus.GOAL_REACHED}, "reached the goal"),
    ],
)
def test_who_must_not_be_written_to_is_not(world: World, contact: Any, more: Any, reason: str) -> None:
    run_id = world.message(world.contact(**{"email": "zoe@example.com", **contact}), **more)
    world.deliver()
    row = world.row(run_id)
    assert row["word"] == "suppressed" and reason in row["error_message"] and row["due_at"] is None
    assert not world.sink.mails


def test_another_topic_and_a_failed_run_still_get_theirs(world: World) -> None:
    world.message(world.contact(consent={"news": False, "email": True}), payload={"topic": "offers"})
    world.message(run_status=RunStatus.FAILED)
    world.deliver()
    assert world.words() == {"sent": 2}


def test_consent_withdrawn_between_queue_and_send(world: World) -> None:
    contact = world.contact()
    run_id = world.message(contact)
    world.db.execute("""update contacts set consent = '{"email": false}' where id = %s""", (contact,))
    world.deliver()
    assert world.row(run_id)["word"] == "suppressed"


def test_suppressed_addresses_are_found_however_their_domain_is_written(world: World) -> None:
    world.db.execute("insert into suppressions (tenant_id, channel, address, reason) values (%s,1,'zoe@bücher.example','bounced')",
                     (world.tenant,))  # fmt: skip
    run_id = world.message(world.contact("zoe@xn--bcher-kva.example"))
    other = world.workspace("two")
    world.connector(other, world.sink.port)
    elsewhere = world.message(
        world.contact("zoe@xn--bcher-kva.example", tenant=other), tenant=other, workflow_id=world.workflow(other),
        template_id=world.template(other),
    )  # fmt: skip
    world.deliver()
    assert world.row(run_id)["word"] == "suppressed"
    assert world.row(elsewhere)["word"] == "sent", "a suppression belongs to its workspace"


def test_a_deleted_contact_is_not_written_to(world: World) -> None:
    run_id = world.message(uuid4())
    world.deliver()
    assert world.row(run_id)["error_message"] == "The contact was deleted."


def test_paused_waits_and_archived_is_suppressed(world: World) -> None:
    paused, archived, gone = (
        world.message(workflow_id=world.workflow(world.tenant, s)) for s in ("paused", "archived", "active")
    )
    world.db.execute(
        "update workflows set deleted_at = now() where id = (select workflow_id from messages where run_id = %s)",
        (gone,),
    )
    world.deliver()
    assert [world.row(run_id)["word"] for run_id in (paused, archived, gone)] == ["queued", "suppressed", "suppressed"]
    row = world.row(paused)
    assert (row["reason"], row["due_at"], row["settled_at"]) == ("workflow_paused", None, None), (
        "held outside the index"
    )
    world.resume_workflow(row["workflow_id"])
    world.deliver()
    assert world.row(paused)["word"] == "sent"


def test_things_of_another_workspace_are_out_of_reach(world: World) -> None:
    other = world.workspace("two")
    foreign_contact = world.contact("foreign@example.com", tenant=other)
    rows = [
        world.message(foreign_contact),
        world.message(template_id=world.template(other)),
        world.message(payload={"connectorId": str(world.connector(other, world.sink.port))}),
        world.message(workflow_id=world.workflow(other)),
    ]
    world.deliver()
    assert [world.row(run_id)["word"] for run_id in rows] == ["suppressed", "failed", "failed", "suppressed"]
    assert not world.sink.mails


@pytest.mark.parametrize(("answer", "suppressed"), [("550 5.1.1 No such user", 1), ("554 5.7.1 No", 0)])
def test_5xx_fails_and_a_bad_address_is_never_tried_again(world: World, answer: str, suppressed: int) -> None:
    world.sink.script["RCPT"] = [answer]
    run_id = world.message(world.contact())
    world.deliver()
    row = world.row(run_id)
    assert row["word"] == "failed" and answer.split()[1] in row["error_message"] and row["due_at"] is None
    assert world.value("select count(*) from suppressions") == suppressed


def test_one_bad_address_does_not_stop_the_others(world: World) -> None:
    rows = [world.message() for _ in range(30)]
    world.sink.script["RCPT"] = ["550 5.1.1 No such user", "451 4.3.0 Later"]
    world.deliver()
    assert world.words() == {"sent": 28, "failed": 1, "queued": 1}
    assert len(rows) == 30


def test_cut_after_the_final_dot_is_uncertain_and_stays(world: World) -> None:
    world.sink.script["DOT"] = ["cut"]
    run_id = world.message()
    world.deliver()
    world.end_leases()
    world.deliver()
    row = world.row(run_id)
    assert row["word"] == "uncertain" and "may have been taken" in row["error_message"]
    assert len(world.sink.mails) == 1


def test_a_broken_template_fails_its_message_only(world: World) -> None:
    broken = world.message(template_id=world.template(world.tenant, html="x\n{{ 1 | money: 'nope!' }}"))
    unsafe = world.message(
        template_id=world.template(world.tenant, html="<a href='{{ event.thing | prepend: 'javascript:' }}'>")
    )
    missing = world.message(template_id=uuid4())
    fine = world.message()
    world.deliver()
    assert [world.row(r)["word"] for r in (broken, unsafe, missing, fine)] == ["failed", "failed", "failed", "sent"]
    assert "HTML: Line 2: money" in world.row(broken)["error_message"]
    assert "refused" in world.row(unsafe)["error_message"]


def test_the_row_says_why_since_when_and_by_which_connector(world: World) -> None:
    sent = world.message()
    world.deliver()
    world.sink.script["RCPT"] = ["550 5.1.1 No such user", "451 4.7.1 Greylisted"]
    refused, deferred = world.message(), world.message()
    broken = world.message(template_id=world.template(world.tenant, subject="{{ 1 | divided_by: 0 }}"))
    unwanted = world.message(world.contact(consent={"email": False}))
    gone = world.message(payload={"connectorId": str(uuid4())})
    world.deliver()
    rows = [world.row(run_id) for run_id in (sent, refused, deferred, broken, unwanted, gone)]
    assert [(row["word"], row["reason"]) for row in rows[3:]] == [
        ("failed", "template_error"), ("suppressed", "no_consent"), ("failed", "no_connector"),
    ]  # fmt: skip
    assert {(row["word"], row["reason"]) for row in rows[1:3]} == {("failed", "bad_address"), ("queued", "deferred")}
    assert [row["settled_at"] is None for row in rows] == [row["word"] == "queued" for row in rows]
    assert {row["connector_id"] for row in rows[:3]} == {world.connector_id}
    assert rows[0]["reason"] is None and rows[0]["settled_at"] == rows[0]["sent_at"]


def test_a_waiting_run_is_told(world: World) -> None:
    awaited = {"awaited": True}
    sent = world.message(payload=awaited)
    failed = world.message(payload=awaited, template_id=uuid4())
    unwanted = world.message(world.contact("a@example.com", consent={"email": False}), payload=awaited)
    retried = world.message(payload={**awaited, "connectorId": str(world.connector(world.tenant, 9, default=False))})
    world.message()
    world.deliver()
    notes = dict(world.db.execute("select run_id, payload from inbox where kind = 2").fetchall())
    assert set(notes) == {sent, failed, unwanted}
    assert notes[sent] == {"seq": 2, "port": "next", "error": None,
                           "output": {"status": "sent", "recipient": f"{sent}@example.com"}}  # fmt: skip
    assert (notes[failed]["port"], notes[failed]["error"]) == ("error", "The template was deleted.")
    assert (notes[unwanted]["port"], notes[unwanted]["output"]["reason"]) == ("next", "no_consent")
    assert world.row(retried)["word"] == "queued"


def test_a_stale_owner_commits_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease ends while the mail is under way; what the slow owner brings home is thrown away."""
    run_id = world.message(payload={"awaited": True})
    settle = ledger.settle

    def late(connection: Connection, moves: Sequence[Transition]) -> set[tuple[UUID, int]]:
        world.end_leases()
        with database.connect() as other:
            assert len(ledger.expire(other)) == 1
        return settle(connection, moves)

    monkeypatch.setattr(ledger, "settle", late)
    world.deliver()
    assert world.row(run_id)["word"] == "uncertain"
    assert world.value("select count(*) from inbox") == 0
    assert len(world.sink.mails) == 1


def test_a_slow_workspace_does_not_hold_up_another(world: World) -> None:
    other, slow = world.workspace("two"), Sink()
    slow.start()
    slow.script["RCPT"] = [1.5] * 100
    world.connector(other, slow.port)
    flow, template = world.workflow(other), world.template(other)
    for _ in range(30):
        world.message(tenant=other, workflow_id=flow, template_id=template)
    quick = [world.message() for _ in range(10)]
    waiting: list[int] = []

    async def race() -> None:
        with database.connect() as connection:
            task = asyncio.create_task(Delivery(connection).run(1.0))
            while not task.done():
                await asyncio.sleep(0.05)
                if len(world.sink.mails) == 10 and not waiting:
                    waiting.append(30 - len(slow.mails))

    try:
        asyncio.run(race())
    finally:
        slow.stop()
    assert waiting and waiting[0] > 0, "the quick server's mails waited for the slow one's"
    assert {world.row(run_id)["word"] for run_id in quick} == {"sent"}


def killed_at(module: str, function: str) -> None:
    """A worker that delivers and is killed where it would call this function of `app.messaging`."""
    assert forked.exit_code(deliver_and_die, module, function) == -signal.SIGKILL


def deliver_and_die(module: str, function: str) -> None:
    setattr(importlib.import_module(f"app.messaging.{module}"), function, forked.die)
    with database.connect() as connection:
        asyncio.run(Delivery(connection).run(10))


@pytest.mark.parametrize(
    ("module", "function", "word", "mails"),
    [("ledger", "settle", "uncertain", 1), ("ledger", "mark_sending", "sent", 1), ("queue", "look", "sent", 1)],
    ids=["between send and commit", "before the intent", "before the look"],
)
def test_kill_9(world: World, module: str, function: str, word: str, mails: int) -> None:
    run_id = world.message()
    killed_at(module, function)
    world.deliver()
    world.end_leases()
    world.deliver()
    assert world.row(run_id)["word"] == word
    assert len(world.sink.mails) == mails, "never twice"


def test_a_restart_of_the_database_between_send_and_commit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    run_id = world.message()
    settle, times = ledger.settle, []

    def cut_first(connection: Connection, moves: Sequence[Transition]) -> set[tuple[UUID, int]]:
        times.append(1)
        if len(times) == 1:
            world.db.execute("select pg_terminate_backend(%s)", (connection.info.backend_pid,))
        return settle(connection, moves)

    monkeypatch.setattr(ledger, "settle", cut_first)
    world.deliver()
    assert len(times) == 2
    assert world.row(run_id)["word"] == "sent"


def test_dates_in_mails_are_in_the_contacts_zone_else_the_workspaces(world: World) -> None:
    world.db.execute("update workspaces set timezone = 'America/New_York' where id = %s", (world.tenant,))
    world.db.execute(
        "update templates set subject = %s where id = %s",
        ("{{ 1795617000 | date: '%d %H:%M' }} {{ event.thing }}", world.template_id),
    )
    nowhere, tokyo = world.contact("a@example.com"), world.contact("b@example.com")
    world.db.execute("update contacts set timezone = 'Asia/Tokyo' where id = %s", (tokyo,))
    runs = [world.message(nowhere), world.message(tokyo)]
    world.deliver()
    assert [world.row(run)["subject"] for run in runs] == ["25 09:30 shoes", "25 23:30 shoes"]
