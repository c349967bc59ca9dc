"""Runs, events and messages that waited when wakes and priorities came: they are found under the new release, and under the old one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app import wakes
from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0032_epochs", "0033_wakes"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Waiting(Old):
    """Workflows of each status with runs that wait; a row of the inbox and a message that wait."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.workflows: dict[str, UUID] = {}
        for status in ("active", "paused", "archived", "deleted"):
            self.workflows[status] = workflow = uuid7()
            self.db.execute(
                "insert into workflows (id, tenant_id, name, draft, status, deleted_at) values (%s, %s, 'Flow', '{}', %s, %s)",
                (
                    workflow,
                    self.tenant,
                    "active" if status == "deleted" else status,
                    NOON if status == "deleted" else None,
                ),
            )
            for hours in (3, 1, None):
                self.db.execute(
                    "insert into active_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq, resume_at)"
                    " values (%s, %s, %s, 1, now(), 1, 0, %s)",
                    (self.tenant, uuid7(), workflow, None if hours is None else NOON + timedelta(hours=hours)),
                )
        for _ in range(3):
            self.db.execute(
                "insert into inbox (tenant_id, name, occurred_at) values (%s, 'bought', now())", (self.tenant,)
            )
            self.db.execute(
                "insert into messages (tenant_id, run_id, seq, workflow_id, contact_id, channel, status, due_at, created_at)"
                " values (%s, %s, 1, %s, %s, 1, 0, now(), now())",
                (self.tenant, uuid7(), self.workflow, uuid7()),
            )

    def content(self) -> list[Any]:
        """All rows of what waits, without what the migration adds."""
        rows = []
        for table in ("active_runs", "inbox", "messages", "workflows", "workspaces"):
            rows += self.db.execute(
                f"select to_jsonb(t) - 'priority' - 'weight' from {table} t order by to_jsonb(t)::text"
            ).fetchall()
        return rows


def test_what_waits_is_found_there_and_back() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Waiting(url)
        # Parts by month have names of PostgreSQL's own.
        indexes = "select regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') from pg_indexes where schemaname = 'public' order by 1"
        before, indexes_before = old.content(), old.db.execute(indexes).fetchall()
        migrate(url, "upgrade", NEW)
        assert old.content() == before
        found = old.db.execute("select tenant_id, workflow_id, at from wakes").fetchall()
        assert found == [(old.tenant, old.workflows["active"], NOON + timedelta(hours=1))]
        assert wakes.sweep(old.db) == 0
        for table in ("workflows", "inbox", "messages"):
            assert old.db.execute(f"select distinct priority from {table}").fetchall() == [(1,)]
        epoch = old.value("select n from workflow_epochs")
        old.db.execute("update workflows set priority = 2 where id = %s", (old.workflow,))
        assert old.value("select n from workflow_epochs") == epoch + 1, "workers look at it again"
        migrate(url, "downgrade", OLD)
        assert old.content() == before
        assert old.db.execute(indexes).fetchall() == indexes_before
        migrate(url, "upgrade", NEW)
        assert old.content() == before
        old.db.close()
