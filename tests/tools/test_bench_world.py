"""The world that benchmarks and lists are measured on holds together as one that the product made itself."""

from __future__ import annotations

import pytest
from psycopg.rows import scalar_row

from app.engine import integrity
from bench.rig import world
from bench.rig.world import World
from tests.fixtures.database import CommittedDatabase


async def test_a_filled_world_holds_together(committed_database: CommittedDatabase) -> None:
    """Rows, months and counters, with failed runs among them."""
    size = World(contacts=60, finished=1_001, parked=140, workflows=6)
    with committed_database.connect() as connection:
        row = connection.execute("insert into workspaces (name, slug) values ('W', 'w') returning id").fetchone()
        assert row is not None
        world.fill(connection, row[0], size)
        assert integrity.check(connection) == []
        cursor = connection.cursor(row_factory=scalar_row)
        numbers = {
            table: cursor.execute(f"select count(*) from {table}").fetchone()
            for table in ("contacts", "ended_runs", "active_runs", "steps", "messages")
        }
        failed = -(-size.finished // world.FAILED_EVERY)
        assert numbers == {
            "contacts": 60, "ended_runs": 1_001, "active_runs": 140,
            "steps": 5 * 1_001 - failed, "messages": 1_001 - failed,
        }  # fmt: skip
        months = cursor.execute("select distinct tableoid::regclass::text from ended_runs order by 1").fetchall()
        assert len(months) in (world.MONTHS, world.MONTHS + 1) and months[0].startswith("ended_runs_2")


async def test_a_world_in_which_a_contact_would_wait_twice_is_refused(committed_database: CommittedDatabase) -> None:
    with committed_database.connect() as connection, pytest.raises(ValueError, match="more runs wait"):
        world.fill(connection, 1, World(contacts=10, finished=1, parked=31, workflows=6))
