"""Keys that lead with the workspace: what knew its run, workflow or file alone learns whose it is, and forgets it on the way down."""

from __future__ import annotations

from uuid import UUID

import psycopg
import pytest

from app.lib.ids import uuid7
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0029_event_keys", "0030_tenant_keys"
LEARN = ("steps", "step_attempts", "draft_changes", "contact_import_chunks", "contact_import_errors")
ROWS = {
    "steps": "select {tenant}run_id, seq, node_id from steps order by run_id, seq",
    "step_attempts": "select {tenant}run_id, seq, attempt, error_message from step_attempts order by run_id, seq, attempt",
    "draft_changes": "select {tenant}workflow_id, rev, author from draft_changes order by workflow_id, rev",
    "contact_import_chunks": "select {tenant}import_id, seq, data from contact_import_chunks order by import_id, seq",
    "contact_import_errors": "select {tenant}import_id, row_number, message from contact_import_errors order by import_id",
}


class Filled(Old):
    """Two workspaces, the second with more runs than the first."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.second = self.value("insert into workspaces (name, slug) values ('Second', 'second') returning id")
        self.other_workflow = uuid7()
        self.db.execute(
            "insert into workflows (id, tenant_id, name, draft) values (%s, %s, 'Flow', '{}')",
            (self.other_workflow, self.second),
        )
        self.runs: dict[UUID, int] = {}
        for tenant, workflow in ((self.tenant, self.workflow), *[(self.second, self.other_workflow)] * 3):
            self.runs[self.run(tenant, workflow)] = tenant
        for tenant, workflow in ((self.tenant, self.workflow), (self.second, self.other_workflow)):
            self.db.execute(
                "insert into draft_changes (workflow_id, rev, client, author, op_ids, ops) values (%s, 1, 'c', %s, '{}', '[]')",
                (workflow, f"author of {tenant}"),
            )
            file = uuid7()
            self.db.execute(
                "insert into contact_imports (id, tenant_id, filename, status) values (%s, %s, 'a.csv', 'completed')",
                (file, tenant),
            )
            self.db.execute("insert into contact_import_chunks values (%s, 0, %s)", (file, f"of {tenant}".encode()))
            self.db.execute(
                "insert into contact_import_errors (import_id, row_number, message, row) values (%s, 1, %s, '{}')",
                (file, f"of {tenant}"),
            )

    def run(self, tenant: int, workflow: UUID) -> UUID:
        run_id = uuid7()
        self.db.execute(
            "insert into runs (id, contact_id, tenant_id, workflow_id, workflow_version, started_at, status, seq, resume_at)"
            " values (%s, %s, %s, %s, 1, now(), 0, 1, now())",
            (run_id, uuid7(), tenant, workflow),
        )
        self.step(run_id, 4)
        self.db.execute(
            "insert into step_attempts (run_id, seq, attempt, error_message, at) values (%s, 1, 1, %s, now())",
            (run_id, f"of {tenant}"),
        )
        return run_id

    def rows(self, table: str, *, tenant: bool = False) -> list[tuple[object, ...]]:
        return self.db.execute(ROWS[table].format(tenant="tenant_id, " if tenant else "")).fetchall()

    def suspect(self) -> int:
        """A row of the inbox and a run that stopped a worker, and two that are gone by now. Answers the number of the first."""
        run_id = next(iter(self.runs))
        inbox_id: int = self.value(
            "insert into inbox (tenant_id, name, contact_id, occurred_at) values (%s, 'e', %s, now()) returning id",
            self.second, uuid7(),
        )  # fmt: skip
        for pair in ((inbox_id, None), (inbox_id + 1, None), (None, run_id), (None, uuid7())):
            self.db.execute("insert into crashes (inbox_id, run_id, count) values (%s, %s, 2)", pair)
        self.db.execute(
            "insert into batches (process, pid, backend_start, open, events, runs) values ('gone', 1, now(), true, %s, %s)",
            ([inbox_id], [run_id]),
        )
        return inbox_id


def test_rows_learn_whose_they_are_and_forget_it_again() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Filled(url)
        inbox_id = old.suspect()
        before = {table: old.rows(table) for table in LEARN}
        assert all(before.values())

        migrate(url, "upgrade", NEW)
        for table in LEARN:
            assert [row[1:] for row in old.rows(table, tenant=True)] == before[table]
        _check_owners(old)
        suspected = old.db.execute("select tenant_id, inbox_id, run_id from crashes order by id").fetchall()
        assert suspected == [(old.second, inbox_id, None), (old.tenant, None, next(iter(old.runs)))]
        assert sorted(old.value("select tenants from batches")) == sorted([old.tenant, old.second])
        with pytest.raises(psycopg.errors.NotNullViolation):
            old.step(uuid7(), 4)  # no workspace by default
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            old.db.execute("update draft_changes set tenant_id = %s where tenant_id = %s", (old.second, old.tenant))

        migrate(url, "downgrade", OLD)
        assert {table: old.rows(table) for table in LEARN} == before
        assert old.db.execute("select inbox_id, run_id from crashes order by id").fetchall() == [
            row[1:] for row in suspected
        ]
        with pytest.raises(psycopg.errors.UniqueViolation):
            old.step(next(iter(old.runs)), 4)

        migrate(url, "upgrade", NEW)
        _check_owners(old)
        old.db.execute("delete from workflows where id = %s", (old.workflow,))
        old.db.execute("delete from contact_imports where tenant_id = %s", (old.tenant,))
        for table in ("draft_changes", "contact_import_chunks", "contact_import_errors"):
            assert old.db.execute(f"select tenant_id from {table}").fetchall() == [(old.second,)]
        old.db.close()


def _check_owners(old: Filled) -> None:
    for table in ("steps", "step_attempts"):
        assert {row[1]: row[0] for row in old.rows(table, tenant=True)} == old.runs
    for table in ("draft_changes", "contact_import_chunks", "contact_import_errors"):
        rows = old.rows(table, tenant=True)
        said = {row[0]: row[3].decode() if isinstance(row[3], bytes) else str(row[3]) for row in rows}
        assert set(said) == {old.tenant, old.second}
        assert all(words.endswith(f"of {tenant}") for tenant, words in said.items())
