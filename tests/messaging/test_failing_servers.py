"""A server that is sick costs what stands inside it, and nobody else: by counts, states and plans, with time moved on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from app.messaging import queue
from app.messaging.channels.email import smtp
from app.messaging.shares import CONNECTIONS, DEFERRALS
from tests.fixtures.sink import Sink
from tests.messaging.world import World


@pytest.fixture
def sick() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.release()
    made.stop()


def beside(world: World, sick: Sink | int, count: int) -> UUID:
    """A connector of the same workspace to a sick server, and mail that leaves by it, all of it due before any other."""
    connector = world.connector(world.tenant, sick if isinstance(sick, int) else sick.port, default=False)
    world.backlog(count, {"connectorId": str(connector)})
    return connector


def by(world: World, connector: UUID) -> dict[tuple[int, str | None], int]:
    rows = world.db.execute(
        "select status, reason, count(*) from messages where payload->>'connectorId' = %s group by 1, 2",
        (str(connector),),
    ).fetchall()
    return {(status, reason): count for status, reason, count in rows}


def pause(world: World, connector: UUID) -> float:
    """Seconds from when the server was found away until it is tried next."""
    return float(
        world.value("select extract(epoch from probe_at - state_since) from connectors where id = %s", connector)
    )


def test_a_server_that_takes_the_text_and_says_nothing(
    world: World, sick: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_S", 3.0)
    sick.script["DOT"] = ["hang"] * 1000
    connector = beside(world, sick, 200)
    world.backlog(60)
    world.deliver()
    assert len(world.sink.mails) == 60, "the healthy server gets all its mail beside it"
    lost = by(world, connector)[9, "unconfirmed"]
    assert 0 < lost <= CONNECTIONS
    assert by(world, connector) == {(9, "unconfirmed"): lost, (0, "server_away"): 200 - lost}
    assert world.value("select max(attempt) from messages where status = 0") == 0 and world.held() == 200 - lost
    assert world.connector_state(connector)[0] == "away"
    assert "It is tried until " in world.value("select error_message from messages where status = 0 limit 1")
    pauses = [pause(world, connector)]
    for _ in range(2):
        world.deliver()
        assert by(world, connector)[9, "unconfirmed"] == lost, "it is left alone until it is time"
        world.probe_now()
        world.deliver_by_two()
        lost += 1
        assert by(world, connector)[9, "unconfirmed"] == lost, "one mail tries it, of whichever worker"
        pauses.append(pause(world, connector))
    assert pauses == sorted(pauses) and pauses[-1] > 60
    sick.script.clear()
    world.probe_now()
    world.deliver(30)
    assert by(world, connector) == {(9, "unconfirmed"): lost, (2, None): 200 - lost}
    assert world.connector_state(connector) == ("ok", None)
    assert world.value(
        "select probe_at is null and room is null and failures = 0 from connectors where id = %s", connector
    )
    assert set(sick.ids.values()) == {1}


@pytest.mark.parametrize(
    ("verb", "answer", "asked", "wait"),
    [
        ("RCPT", "451 4.3.0 Try again later", (DEFERRALS, 2 * (DEFERRALS + CONNECTIONS)), 10),
        ("MAIL", "452 4.5.3 Daily quota exceeded, try again in 2 hours", (1, 2 * CONNECTIONS), 7100),
        ("EHLO", "421 4.3.2 Not accepting connections", (1, 2 * CONNECTIONS), 10),
        ("DATA", "550 5.4.5 Daily user sending limit exceeded", (1, 2 * CONNECTIONS), 800),
    ],
)
def test_a_server_that_says_the_same_to_everybody(
    world: World, sick: Sink, verb: str, answer: str, asked: tuple[int, int], wait: float
) -> None:
    sick.script[verb] = [answer] * 1000
    connector = beside(world, sick, 120)
    world.backlog(40)
    world.deliver_by_two()
    assert len(world.sink.mails) == 40
    assert asked[0] <= 1000 - len(sick.script[verb]) <= asked[1]
    found = by(world, connector)
    assert {status for status, _ in found} == {0}, "nothing is lost"
    assert found[0, "server_away"] >= 120 - asked[1] and world.connector_state(connector)[0] == "away"
    assert pause(world, connector) > wait
    before = len(sick.script[verb])
    world.probe_now()
    world.deliver_by_two()
    assert before - len(sick.script[verb]) == 1, "one mail tries it"
    sick.script.clear()
    world.to_next_due()
    world.deliver(30)
    world.make_due()
    world.deliver(30)
    assert by(world, connector) == {(2, None): 120} and set(sick.ids.values()) == {1}


def test_a_server_with_too_many_connections_gets_fewer_and_all_its_mail(world: World, sick: Sink) -> None:
    sick.script["EHLO"] = ["421 4.7.0 Too many concurrent SMTP connections"] * 4
    connector = beside(world, sick, 30)
    world.deliver()
    assert by(world, connector) == {(2, None): 30} and world.connector_state(connector)[0] == "ok"
    assert world.value("select max(attempt) from messages") == 1


def test_connectors_of_a_workspace_with_the_same_server_share_what_is_known_of_it(world: World) -> None:
    first = beside(world, 9, 5)
    second = beside(world, 9, 5)
    other = world.workspace("two")
    elsewhere = world.connector(other, 9)
    world.deliver()
    assert [world.connector_state(one)[0] for one in (first, second, elsewhere)] == ["away", "away", "ok"]
    assert world.held() == 10


def test_looks_read_few_rows_beside_a_long_queue_that_is_held(world: World, sick: Sink) -> None:
    """20,000 rows, 15,000 of them held for a server that is away, 4,900 due by a slow one, 100 by another."""
    away = beside(world, 9, 15_000)
    world.db.execute(
        "update messages set due_at = null, reason = 'server_away', connector_id = %s where payload->>'connectorId' = %s",
        (away, str(away)),
    )
    world.db.execute(
        "update connectors set state = 'away', probe_at = clock_now() + interval '1 hour' where id = %s", (away,)
    )
    slow = beside(world, sick, 4_900)
    world.backlog(100)
    world.db.execute("analyze messages")
    full = world.value("select distinct tableoid::regclass::text from messages")  # the months to come are empty
    lanes = queue.lanes(world.db)
    assert {lane.lane for lane in lanes} == {"", str(slow)}
    looked = {
        "tenant": [world.tenant] * 2,
        "channel": [1, 1],
        "lane": ["", str(slow)],
        "priority": [1, 1],
        "count": [40, 40],
        "via": [world.connector_id, slow],
        "pass_over": 300,
    }
    for query, parameters in ((queue._DUE_LANES, {"channels": [1]}), (queue._LOOK, looked)):
        with world.db.transaction(force_rollback=True):
            found = world.db.execute("explain (analyze, format json) " + query, parameters).fetchone()
        plan = found[0][0]["Plan"] if found else {}
        read: list[tuple[str, str, float]] = []

        def walk(node: dict[str, Any], read: list[tuple[str, str, float]] = read) -> None:
            if node.get("Relation Name") == full:
                read.append((node["Node Type"], node.get("Index Name", ""), node["Actual Rows"] * node["Actual Loops"]))
            for child in node.get("Plans", ()):
                walk(child)

        walk(plan)
        assert read and all(kind.startswith("Index") for kind, _, _ in read), json.dumps(plan)[:2000]
        assert sum(rows for _, _, rows in read) <= 600, read
