"""Whether a connector works: who writes it, when, and what a change of its settings or a test mail does to it."""

from __future__ import annotations

from typing import Any

import pytest

from app.connectors import state as health
from app.connectors.schemas import ConnectorChange
from app.messaging import ledger
from tests.fixtures.sink import Sink
from tests.messaging.world import World


def test_a_test_mail_that_succeeds_ends_a_pause(world: World, locked: Sink) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    run_id = world.message(payload={"connectorId": str(wrong)})
    world.deliver()
    assert world.connectors("send_test", wrong, "me@example.com").result == "misconfigured"
    assert world.connector_state(wrong)[0] == "paused" and world.held() == 1
    locked.wanted_password = "wrong"
    assert world.connectors("send_test", wrong, "me@example.com").result == "sent"
    assert world.connector_state(wrong)[0] == "ok" and world.held() == 0
    world.deliver()
    assert world.row(run_id)["word"] == "sent"


def test_what_was_under_way_with_the_old_settings_does_not_pause_the_new(
    world: World, locked: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    run_id = world.message(payload={"connectorId": str(wrong)})
    change, times = ledger.change_connectors, []

    def after_mending(connection: Any, changes: Any) -> Any:
        if changes and not times:
            times.append(1)
            world.connectors("update", wrong, ConnectorChange(config={"password": "right"}))
        return change(connection, changes)

    monkeypatch.setattr(ledger, "change_connectors", after_mending)
    world.deliver()
    assert world.connector_state(wrong) == ("ok", None)
    assert world.row(run_id)["word"] == "sent" and times


def test_away_is_written_once_and_ends_with_the_first_mail(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    for level in ("info", "warning"):
        monkeypatch.setattr(health.log, level, lambda event, **_: told.append(event))
    down = Sink()
    down.start()
    port = down.port
    down.stop()
    connector = world.connector(world.tenant, port, default=False)
    kept = [world.message(payload={"connectorId": str(connector)}) for _ in range(15)]
    world.deliver()
    word, words = world.connector_state(connector)
    assert word == "away" and words is not None and "No mail server was found" in words
    since = world.value("select state_since from connectors where id = %s", connector)
    world.make_due()
    world.deliver()
    assert world.value("select state_since from connectors where id = %s", connector) == since
    assert {world.row(r)["connector_id"] for r in kept} == {connector}
    back = Sink()
    back.start()
    world.db.execute(
        "update connectors set config = config || jsonb_build_object('port', %s::int) where id = %s",
        (back.port, connector),
    )
    world.make_due()
    world.deliver()
    back.stop()
    assert world.connector_state(connector)[0] == "ok" and world.words() == {"sent": 15}
    assert told == ["connector.away", "connector.ok"], "one line at each change, not one a mail"


def test_a_password_sealed_with_another_key_pauses_the_connector(world: World) -> None:
    world.db.execute(
        "update connectors set secret = '\\x00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff'"
    )
    run_id = world.message()
    world.deliver()
    word, words = world.connector_state(world.connector_id)
    assert word == "paused" and "cannot be read" in str(words) and world.held() == 1
    world.connectors("update", world.connector_id, ConnectorChange(config={"password": ""}))
    world.deliver()
    assert world.row(run_id)["word"] == "sent"


def test_two_workers_pause_once_and_lose_nothing(world: World, locked: Sink) -> None:
    wrong = world.connector(world.tenant, locked.port, default=False, password="wrong")
    for _ in range(60):
        world.message(payload={"connectorId": str(wrong)})
    world.deliver_by_two()
    assert (world.held(), world.connector_state(wrong)[0]) == (60, "paused")
    world.connectors("update", wrong, ConnectorChange(config={"password": "right"}))
    world.deliver_by_two()
    assert world.words() == {"sent": 60} and set(locked.ids.values()) == {1}
