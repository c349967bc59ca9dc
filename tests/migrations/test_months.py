"""Runs that end apart from those under way, tables by month: nothing is lost or changed on the way there and back."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from app.lib.ids import first_uuid7_of, uuid7
from app.lib.months import bounds, month_of, needed
from app.models.status import RunStatus
from app.retention import month_repository, months
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0030_tenant_keys", "0031_months"
RANDOM = UUID("f47ac10b-58cc-4372-a567-0e02b2c3d479")
LATER = {"sub_runs", "outbound_calls", "run_logs", "message_reports"}
"""Tables by month that came with a later migration than NEW."""
COUNTED = ("runs", "steps", "step_attempts", "messages", "events")


class Filled(Old):
    """Runs of every status, of years ago and of now, with all that belongs to them."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        for status in RunStatus:
            for id_ in (uuid7(), first_uuid7_of(datetime(2024, 1 + status, 3, tzinfo=UTC)), UUID(int=int(status) + 1)):
                self.run(id_, int(status))

    def run(self, id_: UUID, status: int, table: str = "runs") -> None:
        ended = status >= RunStatus.COMPLETED
        self.db.execute(
            f"insert into {table} (id, contact_id, tenant_id, workflow_id, workflow_version, trigger_event, started_at, completed_at,"
            " status, seq, current_node_id, entry_key, resume_at, waits_for, waits_since, occurred_at, event_id, origin, fence)"
            " values (%s, %s, %s, %s, 1, '{\"a\": 1}', now(), %s, %s, 1, 'a', %s, %s, %s, now(), now(), %s, 2, 7)",
            (id_, None if status == 0 else uuid7(), self.tenant, self.workflow, "2026-11-20T10:00Z" if ended else None, status,
             None if status == 0 else "k", None if ended else "2027-01-01T00:00Z", "paid" if status == 1 else None, uuid7()),
        )  # fmt: skip
        self.belongings(id_)

    def belongings(self, id_: UUID) -> None:
        """A step, a failed attempt, a message and an event of a run."""
        self.db.execute(
            "insert into steps (tenant_id, run_id, seq, node_id, status, output, started_at, completed_at)"
            " values (%s, %s, 1, 'a', 4, '{\"b\": 2}', now(), now())",
            (self.tenant, id_),
        )
        self.db.execute(
            "insert into step_attempts (tenant_id, run_id, seq, attempt, error_message, at) values (%s, %s, 1, 1, 'e', now())",
            (self.tenant, id_),
        )
        self.db.execute(
            "insert into messages (tenant_id, run_id, seq, workflow_id, contact_id, channel, status, created_at, payload)"
            ' values (%s, %s, 1, %s, %s, 1, 0, now(), \'{"connectorId": "X"}\')',
            (self.tenant, id_, self.workflow, uuid7()),
        )
        self.db.execute(
            "insert into events (tenant_id, id, name, key, occurred_at) values (%s, %s, 'bought', %s, now())",
            (self.tenant, id_, str(id_)),
        )

    def content(self) -> dict[str, tuple[int, str]]:
        """How many rows each table has, and what is in all of them."""
        return {table: self._content(table) for table in COUNTED}

    def _content(self, table: str) -> tuple[int, str]:
        rows = self.db.execute(f"select to_jsonb(t)::text from {table} t").fetchall()
        return len(rows), hashlib.sha256("\n".join(sorted(row[0] for row in rows)).encode()).hexdigest()


def indexes(old: Old) -> list[Any]:
    rows = old.db.execute(
        "select tablename, indexname, indexdef from pg_indexes where schemaname = 'public' order by 1, 2"
    )
    return rows.fetchall()


def test_rows_stay_the_same_there_and_back() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Filled(url)
        _refuse_a_foreign_id(old, url)
        before, indexes_before = old.content(), indexes(old)
        migrate(url, "upgrade", NEW)
        assert old.content() == before
        _check_tables(old)
        _check_limits(old)

        # What is written under the new release comes back too, also what ended in another month than it began.
        next_month = UUID(int=bounds(month_of(uuid7()).later(1))[0].int + 5)
        old.run(next_month, 4, "ended_runs")
        old.run(uuid7(), 1, "active_runs")
        written = old.content()
        assert written["steps"][0] == before["steps"][0] + 2
        migrate(url, "downgrade", OLD)
        assert old.content() == written
        assert indexes(old) == indexes_before
        with pytest.raises(psycopg.errors.UniqueViolation):
            old.db.execute("insert into runs select * from runs where status = 4 limit 1")

        migrate(url, "upgrade", NEW)
        assert old.content() == written
        assert (
            old.value("select tableoid::regclass::text from ended_runs where id = %s", next_month)
            == "ended_runs_before"
        )
        _check_tables(old)
        old.db.close()


def _check_tables(old: Filled) -> None:
    assert old.value("select count(*) from active_runs where status >= 4") == 0
    assert old.value("select count(*) from ended_runs where status < 4") == 0
    for table in ("ended_runs", "steps", "step_attempts", "messages", "events"):
        assert old.value(f"select array_agg(distinct tableoid::regclass::text) from {table}") == [f"{table}_before"]
    ends = month_repository.ends(old.db)
    assert ends.keys() == month_repository.TABLES.keys() - LATER
    assert all(end == needed(months.this_month())[-1].later(1) for end in ends.values()), "the months ahead are there"


def _check_limits(old: Filled) -> None:
    with pytest.raises(psycopg.errors.CheckViolation):
        old.run(uuid7(), 1, "ended_runs")
    with pytest.raises(psycopg.errors.CheckViolation):
        old.run(uuid7(), 4, "active_runs")
    with pytest.raises(psycopg.errors.CheckViolation, match="no partition"):
        old.belongings(RANDOM)
    with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState):
        old.db.execute("update runs set status = 4")


def _refuse_a_foreign_id(old: Filled, url: str) -> None:
    """An id that tells no time has no month: the migration says so, and leaves all as it was."""
    old.belongings(RANDOM)
    with pytest.raises(RuntimeError, match="tells no time of the past"):
        migrate(url, "upgrade", NEW)
    assert old.value("select version_num from alembic_version") == OLD
    for table, column in (("steps", "run_id"), ("step_attempts", "run_id"), ("messages", "run_id"), ("events", "id")):
        old.db.execute(f"delete from {table} where {column} = %s", (RANDOM,))
