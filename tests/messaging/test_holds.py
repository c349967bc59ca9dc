"""What a connector's state does to its messages: a pause holds them, mending frees them, one server's trouble is nobody else's."""

from __future__ import annotations

from uuid import uuid4

import pytest
from psycopg.types.json import Jsonb

from app.connectors.schemas import ConnectorChange, NewConnector
from app.lib.ids import uuid7
from app.messaging import holds
from app.messaging.holds import Cause
from tests.fixtures.sink import Sink
from tests.messaging.world import World


def test_a_wrong_password_pauses_the_connector_until_it_is_mended(world: World, locked: Sink) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    through = {"connectorId": str(wrong)}
    kept = [world.message(payload=through) for _ in range(30)]
    other = world.message()
    world.deliver()
    assert world.row(other)["word"] == "sent"
    word, words = world.connector_state(wrong)
    assert word == "paused" and words is not None and "535" in words
    assert world.value("select state_since is not null from connectors where id = %s", wrong)
    for row in map(world.row, kept):
        assert (row["word"], row["reason"], row["due_at"], row["attempt"], row["connector_id"]) == (
            "queued", "connector_paused", None, 0, wrong,
        )  # fmt: skip
        assert "535" in row["error_message"]
    tried = locked.connections
    world.message(payload=through)
    world.deliver()
    assert locked.connections == tried and world.held() == 31, "a paused connector is left alone"
    world.connectors("update", wrong, ConnectorChange(config={"password": "right"}))
    assert world.held() == 0 and world.connector_state(wrong) == ("ok", None)
    world.deliver()
    assert world.words() == {"sent": 32} and set(locked.ids.values()) == {1}


def test_held_messages_are_not_given_up_after_a_day(world: World, locked: Sink) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    old = world.message(payload={"connectorId": str(wrong)}, hours_old=72)
    world.deliver()
    assert (world.row(old)["word"], world.row(old)["reason"]) == ("queued", "connector_paused")
    world.connectors("resume", wrong)
    world.deliver()
    assert (world.row(old)["word"], world.row(old)["reason"]) == ("queued", "connector_paused"), "still wrong"
    locked.wanted_password = "wrong"
    world.connectors("resume", wrong)
    world.deliver()
    assert world.row(old)["word"] == "sent"


@pytest.mark.parametrize(
    "change", [{"security": "starttls"}, {"host": "a..b.example"}, {"fromEmail": "zoë@example.com"}]
)
def test_other_settings_that_do_not_work(world: World, change: dict[str, str]) -> None:
    plain = Sink(smtputf8=False)
    plain.start()
    try:
        bad = world.connector(world.tenant, plain.port, default=False)
        world.db.execute("update connectors set config = config || %s where id = %s", (Jsonb(change), bad))
        run_id = world.message(payload={"connectorId": str(bad)})
        world.deliver()
        assert (world.connector_state(bad)[0], world.row(run_id)["reason"]) == ("paused", "connector_paused")
        assert world.held() == 1
        assert not plain.mails
        mended = {"host": "127.0.0.1", "security": "none", "fromEmail": "shop@example.com"}
        world.connectors("update", bad, ConnectorChange(config=mended))
        world.deliver()
        assert world.row(run_id)["word"] == "sent"
    finally:
        plain.stop()


def test_a_step_s_own_sender_that_is_refused_fails_that_message_only(world: World) -> None:
    world.sink.script["MAIL"] = ["553 5.1.8 Not one of ours"]
    stranger = world.message(payload={"fromEmail": "who@example.com"})
    world.deliver()
    fine = world.message()
    world.deliver()
    assert (world.row(stranger)["word"], world.row(stranger)["reason"]) == ("failed", "sender_refused")
    assert world.row(fine)["word"] == "sent" and world.connector_state(world.connector_id)[0] == "ok"
    world.sink.script["MAIL"] = ["553 5.1.8 Not one of ours"]
    own = world.message()
    world.deliver()
    assert (world.row(own)["reason"], world.connector_state(world.connector_id)[0]) == ("connector_paused", "paused")


def test_twelve_recipients_with_letters_that_the_server_cannot_take(world: World) -> None:
    """Each fails by itself and at once; nobody else waits or carries their text."""
    plain = Sink(smtputf8=False)
    plain.start()
    try:
        through = {"connectorId": str(world.connector(world.tenant, plain.port, default=False))}
        odd = [world.message(world.contact(f"jürgen{n}@example.org"), payload=through) for n in range(6)]
        odd += [world.message(world.contact(f"søren{n}@bücher.example"), payload=through) for n in range(6)]
        fine = [world.message(payload=through) for _ in range(5)]
        world.deliver()
        assert {(world.row(r)["word"], world.row(r)["reason"], world.row(r)["attempt"]) for r in odd} == {
            ("failed", "address_refused", 1)
        }
        assert {(world.row(r)["word"], world.row(r)["error_message"]) for r in fine} == {("sent", None)}
        assert world.value("select count(*) from suppressions") == 0
    finally:
        plain.stop()


@pytest.mark.parametrize("address", ["a b@example.com", "x@y@example.com", "a(b)@example.com"])
def test_an_address_that_cannot_be_written_fails_alone(world: World, address: str) -> None:
    odd, fine = world.message(world.contact(address)), world.message()
    world.deliver()
    assert world.row(odd)["word"] in ("suppressed", "failed") and world.row(odd)["reason"].startswith("invalid")
    assert world.row(fine)["word"] == "sent"


def test_without_any_connector_mail_is_held_and_leaves_when_the_first_is_added(world: World) -> None:
    world.db.execute("delete from connectors")
    kept = [world.message(hours_old=hours) for hours in (0, 30)]
    world.deliver()
    for row in map(world.row, kept):
        assert (row["word"], row["reason"], row["due_at"]) == ("queued", "no_connector", None)
        assert "no connector" in row["error_message"]
    config = {"host": "127.0.0.1", "port": world.sink.port, "security": "none", "fromEmail": "shop@example.com"}
    world.connectors("create", NewConnector(name="First", config=config))
    assert world.held() == 0
    world.deliver()
    assert world.words() == {"sent": 2}


def test_another_default_takes_over_what_named_none(world: World, locked: Sink) -> None:
    world.db.execute("delete from connectors")
    wrong = world.connector(world.tenant, locked.port, password="wrong")
    named, unnamed = world.message(payload={"connectorId": str(wrong).upper()}), world.message()
    world.deliver()
    assert world.held() == 2
    config = {"host": "127.0.0.1", "port": world.sink.port, "security": "none", "fromEmail": "shop@example.com"}
    world.connectors("create", NewConnector(name="Better", config=config, is_default=True))
    world.deliver()
    assert world.row(unnamed)["word"] == "sent" and len(world.sink.mails) == 1
    assert (world.row(named)["reason"], world.held()) == ("connector_paused", 1)


def test_the_default_can_be_moved_away_from_a_paused_connector(world: World, locked: Sink) -> None:
    good = world.connector_id
    world.db.execute("update connectors set is_default = false")
    wrong = world.connector(world.tenant, locked.port, password="wrong")
    run_id = world.message()
    world.deliver()
    assert world.held() == 1 and world.connector_state(wrong)[0] == "paused"
    world.connectors("update", good, ConnectorChange(is_default=True))
    world.deliver()
    assert world.row(run_id)["word"] == "sent" and world.connector_state(wrong)[0] == "paused"


def test_nothing_is_held_for_a_cause_that_is_over(world: World) -> None:
    run_id = world.message()
    with world.db.transaction():
        for cause in (
            Cause("connector_paused", (world.tenant, 1, ""), world.connector_id),
            Cause("no_connector", (world.tenant, 1, "")),
            Cause("workflow_paused", (world.tenant, 1, ""), world.workflow_id),
            Cause("server_away", (world.tenant, 1, ""), world.connector_id),
            Cause("connector_paused", (world.tenant, 1, ""), uuid4()),
        ):
            assert holds.hold(world.db, cause) == 0
    assert world.row(run_id)["due_at"] is not None


def test_a_whole_backlog_is_held_by_few_statements(world: World, locked: Sink) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    contact = world.contact()
    world.db.execute(
        "insert into messages (run_id, seq, tenant_id, workflow_id, contact_id, template_id, channel, status, payload, due_at, created_at)"
        " select run, 1, %s, %s, %s, %s, 1, 0, %s, clock_now(), clock_now() from unnest(%s::uuid[]) as r(run)",
        (
            world.tenant,
            world.workflow_id,
            contact,
            world.template_id,
            Jsonb({"connectorId": str(wrong)}),
            [uuid7() for _ in range(2500)],
        ),
    )
    world.db.execute("update connectors set state = 'paused', state_message = 'x' where id = %s", (wrong,))
    fine = world.message()
    world.deliver()
    assert (world.held(), world.row(fine)["word"]) == (2500, "sent")
