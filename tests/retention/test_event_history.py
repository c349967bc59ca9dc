"""What contacts did before their events left counts on: for rules that were there, and for those made later."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from app.lib.database import transaction
from app.lib.ids import first_uuid7_of, uuid7
from app.retention import repository
from tests.engine.dynamic import Dynamic, did, did_not, f, rule
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.world import World
from tests.retention.test_leaving import NEXT, leave

PAID = datetime(NEXT.year, NEXT.month, 5, 12, tzinfo=UTC)
LATER = datetime(NEXT.later(1).year, NEXT.later(1).month, 5, 12, tzinfo=UTC)


@pytest.fixture
def world(committed_database: CommittedDatabase) -> Iterator[World]:
    one = World(committed_database.url)
    yield one
    one.close()


def store(world: World, contact: UUID, at: datetime, **properties: object) -> None:
    """An event that was handled, with an id of its time."""
    event_id = UUID(bytes=first_uuid7_of(at).bytes[:8] + uuid7().bytes[8:])
    world.db.execute(
        "insert into events (id, tenant_id, contact_id, name, properties, occurred_at, received_at)"
        " values (%s, %s, %s, 'paid', %s, %s, %s)",
        (event_id, world.tenant, contact, Jsonb(properties), at, at),
    )


@pytest.mark.parametrize("way", ["month", "row by row"])
async def test_what_left_counts_on_and_only_once(world: World, way: str) -> None:
    world.travel(LATER + timedelta(days=20))
    (often, once, never), segments = world.contacts(3), Dynamic(world)
    for number in range(3):
        store(world, often, PAID + timedelta(hours=number))
    store(world, often, LATER, total=500)
    store(world, once, PAID)
    twice, nobody_did = await segments.add(rule(did("paid", 2)), rule(did_not("paid")))
    assert segments.members(twice) == {often} and segments.members(nobody_did) == {never}
    if way == "month":
        assert leave(world, kind="events", before=datetime(NEXT.later(1).year, NEXT.later(1).month, 1, tzinfo=UTC))
    else:
        async with transaction() as session:
            while await repository.delete_events(session, world.tenant, first_uuid7_of(LATER - timedelta(days=1))):
                pass
    assert world.one("select count(*) from events where name = 'paid'") == 1
    history = world.db.execute("select contact_id, n, last_at - first_at from event_history order by n").fetchall()
    assert history == [(once, 1, 0), (often, 3, 2 * 3_600_000_000)]
    four, five, ever, big, lately = await segments.add(
        rule(did("paid", 4)),
        rule(did("paid", 5)),
        rule(did("paid")),
        rule(did("paid", conditions=[f("total", "greater_than", 100)])),
        rule(did("paid", 2, 300)),
    )
    assert segments.members(twice) == {often} and segments.members(nobody_did) == {never}, "facts outlive events"
    assert [segments.members(one) for one in (four, five, ever)] == [{often}, set(), {often, once}]
    assert segments.members(big) == {often}, "conditions on properties ask what is stored"
    assert segments.members(lately) == {often}, "of what left, the last one is known by its time"
    assert segments.faults() == [], "the live count says the same"
    world.happen("paid", once)
    world.engine.advance()
    assert segments.members(twice) == {often, once}
