"""Messages that have come to an end are settled or sent again: through the same door, counted exactly, written down, once each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from app.messaging import ledger
from app.messaging.ledger import DueMessage, Transition
from app.messaging.schemas import MovedView
from app.messaging.service import AlreadySettled, MessageService, NothingToResend
from app.models.status import MessageStatus
from tests.messaging.ended import exact, lost, refused
from tests.messaging.world import World


def test_a_message_that_failed_is_sent_again_as_the_same_mail(world: World) -> None:
    (run_id,) = refused(world)
    assert world.resend(run_id, name="Ann") == MovedView(moved=1, skipped=0)
    row = world.row(run_id)
    assert (row["word"], row["attempt"], row["reason"], row["error_message"], row["settled_at"]) == (
        "queued",
        0,
        None,
        None,
        None,
    )
    assert row["due_at"] and row["resent_at"]
    exact(world)
    world.deliver()
    assert world.row(run_id)["word"] == "sent"
    assert list(world.sink.ids) == [f"<{run_id}.2@throughline>"]
    assert world.decisions() == [("resent", "user Ann", "failed", "address_refused")]
    assert world.value("select tries from message_decisions") == 1
    assert "Not today" in world.value("select was_error from message_decisions")
    exact(world)
    with pytest.raises(NothingToResend):
        world.by(lambda session, who: MessageService(session, who).resend(f"{run_id}-2"))
    assert world.row(run_id)["word"] == "sent"


@pytest.mark.parametrize(
    ("change", "word", "reason"),
    [
        ("update contacts set consent = '{\"email\": false}'", "suppressed", "no_consent"),
        ("delete from contacts", "suppressed", "no_contact"),
        ("update contacts set email = null", "suppressed", "no_address"),
        ("update workflows set status = 'archived'", "suppressed", "workflow_stopped"),
        ("update ended_runs set status = 8", "suppressed", "run_cancelled"),
        ("update workflows set status = 'paused'", "queued", "workflow_paused"),
        ("update connectors set state = 'paused', state_since = now()", "queued", "connector_paused"),
        ("delete from templates", "failed", "no_template"),
        ("insert into suppressions (tenant_id, channel, address, reason) select tenant_id, 1, email, 'complained' from contacts",
         "suppressed", "complained"),
    ],
)  # fmt: skip
def test_it_passes_the_same_door_as_every_mail(world: World, change: str, word: str, reason: str) -> None:
    found = [*refused(world), *lost(world)]
    world.db.execute(change)
    world.resend(*found)
    world.deliver()
    for run_id in found:
        row = world.row(run_id)
        assert row["word"] == word and (row["reason"] == reason or reason == "no_contact"), row["reason"]
    assert not world.sink.mails
    exact(world)


def test_it_keeps_its_place_among_the_mails_of_its_contact(world: World) -> None:
    zoe = world.contact()
    first = world.message(zoe, hours_old=2)
    world.sink.script["RCPT"] = ["550 5.7.1 Not today"]
    world.deliver()
    second = world.message(zoe, hours_old=1)
    world.resend(first)
    for _ in range(3):
        world.deliver()
        world.make_due()
    assert list(world.sink.ids) == [f"<{first}.2@throughline>", f"<{second}.2@throughline>"]


def test_an_old_mail_gets_its_day_again_when_the_server_breaks_off(world: World) -> None:
    (run_id,) = refused(world, hours_old=72)
    world.resend(run_id)
    world.sink.script["RCPT"] = ["421 4.7.0 Not this one now"]
    world.deliver()
    assert (world.row(run_id)["word"], world.row(run_id)["reason"]) == ("queued", "server_away")


def test_two_people_at_once_send_it_again_once(world: World) -> None:
    found = refused(world, 6)
    with ThreadPoolExecutor(3) as threads:
        told = list(threads.map(lambda name: world.resend(*found, name=name), ("Ann", "Bob", "Cyd")))
    assert sorted(one.moved for one in told) == [0, 0, 6] and sum(one.skipped for one in told) == 12
    world.deliver()
    assert set(world.sink.ids.values()) == {1} and len(world.sink.mails) == 6
    assert len(world.decisions()) == 6
    exact(world)


def test_who_comes_second_is_told(world: World) -> None:
    acts = ("resend", "sent", "failed")
    for run_id, (first, second) in zip(lost(world, 9), product(acts, acts), strict=True):

        def act(what: str, text: str = f"{run_id}-2") -> Any:
            if what == "resend":
                return world.by(lambda session, who: MessageService(session, who).resend(text))
            return world.by(lambda session, who: MessageService(session, who).settle(text, sent=what == "sent"))

        act(first)
        if (first, second) == ("failed", "resend"):
            act(second)  # what is known not to have left may be sent again
        else:
            with pytest.raises((AlreadySettled, NothingToResend)):
                act(second)
    assert len(world.decisions()) == 10
    exact(world)


def test_what_a_late_worker_says_is_fenced(world: World) -> None:
    (run_id,) = lost(world)
    fence = world.row(run_id)["fence"]
    world.resend(run_id)
    due = DueMessage(run_id=run_id, seq=2, tenant_id=world.tenant, workflow_id=world.workflow_id, contact_id=uuid4(), channel=1,
              template_id=None, payload=None, attempt=1, fence=fence - 1, created_at=world.row(run_id)["created_at"], workflow_status=None,
              run_status=None, trigger_event=None, context=None, contact=None)  # fmt: skip
    for late in (fence - 1, fence):
        due.fence = late
        assert ledger.settle(world.db, [Transition(due, MessageStatus.SENT)]) == set()
    assert world.row(run_id)["word"] == "queued"
    world.deliver()
    assert world.row(run_id)["word"] == "sent" and len(world.sink.mails) == 1
    exact(world)
