"""The planner knows the tables by month as a whole, which autovacuum does not look at."""

from __future__ import annotations

import pytest

from app.lib import database
from app.retention import jobs, statistics_repository
from app.retention.month_repository import TABLES
from app.retention.statistics_repository import FEW, OLDEST_S, Statistics
from app.system import repository
from tests.fixtures.database import CommittedDatabase


@pytest.mark.parametrize(
    ("then", "now", "age", "due"),
    [
        (0, 0, None, True),
        (0, 0, 60, False),
        (0, FEW, 60, False),
        (0, FEW + 1, 60, True),
        (1e6, 1.2e6, 60, False),
        (1e6, 1.3e6, 60, True),
        (1e6, 5e5, 60, True),
        (1e6, 1e6, OLDEST_S + 1, True),
    ],
)
def test_they_are_gathered_when_old_or_when_much_has_changed(
    then: float, now: float, age: float | None, due: bool
) -> None:
    assert Statistics("steps", then, now, age).are_due is due


async def test_housekeeping_gathers_them_once(committed_database: CommittedDatabase) -> None:
    with committed_database.connect() as connection:
        connection.execute(
            "insert into events (tenant_id, id, name, occurred_at) values (1, '01900000-0000-7000-8000-000000000001', 'x', now())"
        )
        assert {one.table for one in statistics_repository.statistics(connection) if one.are_due} == TABLES.keys()
        await jobs.gather_statistics()
        assert not [one for one in statistics_repository.statistics(connection) if one.are_due]
        known = connection.execute("select reltuples from pg_class where relname = 'events'").fetchone()
        assert known is not None and known[0] >= 1
    async with database.transaction() as session:
        ages = {one.table: one.age_s for one in await repository.statistics_of_months(session)}
    assert ages.keys() == TABLES.keys() and all(age is not None and age < 600 for age in ages.values())
