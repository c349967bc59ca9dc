"""A connector's limits hold for messages over all workers: what is above them stays queued, and nobody else waits for it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from app.messaging import claims
from app.messaging.deliver import connect
from app.messaging.ledger import Connection
from app.messaging.queue import LaneTurns
from tests.messaging.world import World


def limit(world: World, connector_id: UUID, **columns: int) -> None:
    for name, value in columns.items():
        world.db.execute(f"update connectors set {name} = %s where id = %s", (value, connector_id))


def look(connection: Connection) -> int:
    """How many messages one look of a worker claims."""
    with connection.transaction():
        return len(claims.claim(connection, {}, LaneTurns()).claimed)


def pass_time(world: World, seconds: float) -> None:
    at = world.value("select clock_now()") + timedelta(seconds=seconds)
    world.db.execute(
        "insert into virtual_clock (one, at) values (1, %s) on conflict (one) do update set at = excluded.at", (at,)
    )


def test_a_rate_holds_over_workers_and_the_default_and_the_one_that_is_named_are_one(world: World) -> None:
    limit(world, world.connector_id, rate=60, rate_seconds=60, burst=5)
    world.backlog(10)
    world.backlog(10, {"connectorId": str(world.connector_id)})
    pass_time(world, 0)
    with connect() as one, connect() as other:
        assert (look(one), look(other)) == (5, 0)
        pass_time(world, 3)
        assert (look(other), look(one)) == (3, 0)


def test_no_more_than_its_limit_are_claimed_at_a_time_and_all_are_sent(world: World) -> None:
    limit(world, world.connector_id, max_concurrent=2)
    world.backlog(7)
    with connect() as one, connect() as other:
        assert (look(one), look(other)) == (2, 0)
        world.db.execute("update messages set lease_until = null")
    for _ in range(7):
        world.deliver()
    assert world.value("select count(*) from messages where status = 2") == 7


def test_a_limited_connector_holds_up_no_other_and_no_other_workspace(world: World) -> None:
    limit(world, world.connector_id, rate=1, rate_seconds=3_600, burst=1)
    world.backlog(50)
    free = world.connector(world.tenant, world.sink.port, default=False)
    world.backlog(6, {"connectorId": str(free)})
    other = world.workspace("two")
    world.connector(other, world.sink.port)
    template, workflow = world.template(other), world.workflow(other)
    for _ in range(4):
        world.message(tenant=other, template_id=template, workflow_id=workflow)
    world.deliver()
    sent = dict(
        world.db.execute(
            "select coalesce(connector_id::text, ''), count(*) from messages where status = 2 group by 1"
        ).fetchall()
    )
    assert sent[str(world.connector_id)] == 1 and sent[str(free)] == 6 and sum(sent.values()) == 11
