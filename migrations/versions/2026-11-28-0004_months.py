"""Runs under way apart from those that ended; rows that grow are kept by month.

The month is that of the id (UUIDv7), of rows of a run that of the run. Nothing is copied: the old table becomes the oldest part, up to
the end of this month. Only runs under way move. Old code cannot run beside this.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from alembic import op
from sqlalchemy import text

revision = "0031_months"
down_revision = "0030_tenant_keys"
branch_labels = None
depends_on = None

AHEAD = 3
"""Months that are made beforehand; afterwards the product makes them."""


class Table(NamedTuple):
    """A table by month: which one it was, the column that tells the month, its key, its other indexes, its fill factor."""

    name: str
    was: str
    by: str
    key: str
    indexes: dict[str, str] = {}
    made: tuple[str, ...] = ()
    """Those of its indexes that the old table did not have."""
    fill: int | None = None


HELD, OPEN = "status = 0 AND due_at IS NULL", "status IN (0, 1)"
TABLES = (
    Table(
        "ended_runs", "runs", "id", "tenant_id, id",
        {
            "place": "(tenant_id, workflow_id, status, id)",
            "contact": "(tenant_id, contact_id)",
            "without_contact": "(tenant_id, id) WHERE contact_id IS NULL",
            "failed": "(tenant_id, id) WHERE status = 5",
        },
        made=("place",),
    ),
    Table("steps", "steps", "run_id", "tenant_id, run_id, seq"),
    Table("step_attempts", "step_attempts", "run_id", "tenant_id, run_id, seq, attempt"),
    Table(
        "messages", "messages", "run_id", "tenant_id, run_id, seq",
        {
            "open": f"(tenant_id, contact_id, channel, created_at, run_id, seq) WHERE {OPEN}",
            "troubled": "(tenant_id, settled_at DESC) WHERE status IN (8, 9)",
            "held": f"(tenant_id, connector_id, created_at) WHERE {HELD}",
            "due": "(tenant_id, channel, coalesce(lower(payload ->> 'connectorId'), ''), due_at)"
            " WHERE status = 0 AND due_at IS NOT NULL AND lease_until IS NULL",
            "undecided": "(due_at) WHERE status = 9 AND due_at IS NOT NULL",
            "held_by_workflow": f"(tenant_id, workflow_id) WHERE {HELD}",
            "leased": "(lease_until) WHERE lease_until IS NOT NULL",
            "contact": "(tenant_id, contact_id)",
        },
        fill=80,
    ),
    Table("events", "events", "id", "tenant_id, id", {"contact": "(tenant_id, contact_id, occurred_at DESC)"}),
)  # fmt: skip
ACTIVE = {
    "one": "UNIQUE INDEX {} ON active_runs (tenant_id, contact_id, workflow_id, entry_key)",
    "due": "INDEX {} ON active_runs (resume_at) WHERE resume_at IS NOT NULL",
    "place": "INDEX {} ON active_runs (tenant_id, workflow_id, status, id)",
    "waits": "INDEX {} ON active_runs (tenant_id, contact_id, waits_for) WHERE waits_for IS NOT NULL",
    "without_contact": "INDEX {} ON active_runs (tenant_id, id) WHERE contact_id IS NULL",
}
OF_ACTIVE_RUNS = {
    "runs_active": "UNIQUE INDEX runs_active ON runs (tenant_id, contact_id, workflow_id, entry_key) WHERE status < 4",
    "runs_due": "INDEX runs_due ON runs (resume_at) WHERE resume_at IS NOT NULL",
    "runs_waits": "INDEX runs_waits ON runs (tenant_id, contact_id, waits_for) WHERE waits_for IS NOT NULL",
    "runs_workflow": "INDEX runs_workflow ON runs (tenant_id, workflow_id, id)",
}
"""Indexes of `runs` that served those under way, or both."""
COLUMNS = (
    "tenant_id, id, contact_id, workflow_id, workflow_version, trigger_event, started_at, completed_at, status, seq, current_node_id,"
    " entry_key, resume_at, resume_port, step_started_at, attempt, error_message, goal_reached_id, context, resume_output, waits_for,"
    " waits_since, fence, event_id, occurred_at, trigger_id, origin"
)
LIKE = "INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("LOCK TABLE runs, steps, step_attempts, messages, events IN ACCESS EXCLUSIVE MODE")
    first = _first_month()
    _part_active_runs()
    for table in TABLES:
        _cut(table, first)
        month = first
        while month < _month(datetime.now(UTC), AHEAD + 1):
            op.execute(
                f"CREATE TABLE {table.name}_{month:%Y_%m} PARTITION OF {table.name}"
                f" FOR VALUES FROM ('{_bound(month)}') TO ('{_bound(_month(month, 1))}'){_fill(table)}"
            )
            month = _month(month, 1)
    op.execute(
        f"CREATE VIEW runs WITH (security_invoker = true) AS SELECT {COLUMNS} FROM active_runs"
        f" UNION ALL SELECT {COLUMNS} FROM ended_runs"
    )


def _first_month() -> datetime:
    """The first month that is a part of its own: after this one, and after all that is there, also when the clock went wrong once."""
    first = _month(datetime.now(UTC), 1)
    for table in TABLES:
        newest = op.get_bind().scalar(text(f"SELECT {table.by} FROM {table.was} ORDER BY {table.by} DESC LIMIT 1"))
        if newest is None:
            continue
        at = datetime.fromtimestamp((int(newest.int) >> 80) / 1000, UTC) if newest.int >> 80 < 2**42 else None
        if at is None or at > datetime.now(UTC) + timedelta(days=400):
            raise RuntimeError(
                f"The table {table.was} has an id that tells no time of the past: {newest}. Rows are kept by month now, and the product"
                " makes no such ids. Delete the row, or give it and what belongs to it a UUIDv7."
            )
        first = max(first, _month(at, 1))
    return first


def _part_active_runs() -> None:
    op.execute("CREATE TABLE active_runs (LIKE runs INCLUDING DEFAULTS INCLUDING STORAGE) WITH (fillfactor = 80)")
    op.execute("INSERT INTO active_runs SELECT * FROM runs WHERE status < 4")
    op.execute("DELETE FROM runs WHERE status < 4")
    op.execute("ALTER TABLE active_runs ADD CONSTRAINT active_runs_pkey PRIMARY KEY (tenant_id, id)")
    op.execute("ALTER TABLE active_runs ADD CONSTRAINT active_runs_status_check CHECK (status < 4)")
    for name, index in ACTIVE.items():
        op.execute(f"CREATE {index.format(f'active_runs_{name}')}")
    for name in OF_ACTIVE_RUNS:
        op.execute(f"DROP INDEX {name}")
    op.execute("ALTER TABLE runs ADD CONSTRAINT ended_runs_status_check CHECK (status >= 4)")
    op.execute("ALTER TABLE runs RESET (fillfactor)")


def _cut(table: Table, first: datetime) -> None:
    """The old table becomes the oldest part of a new one; its indexes those of the part."""
    old = f"{table.name}_before"
    op.execute(f"ALTER TABLE {table.was} RENAME TO {old}")
    op.execute(f"ALTER INDEX {table.was}_pkey RENAME TO {old}_pkey")
    for name, index in table.indexes.items():
        if name in table.made:
            op.execute(f"CREATE INDEX {old}_{name} ON {old} {index}")
        else:
            op.execute(f"ALTER INDEX {table.was}_{name} RENAME TO {old}_{name}")
    op.execute(
        f"CREATE TABLE {table.name} (LIKE {old} {LIKE}, CONSTRAINT {table.name}_pkey PRIMARY KEY ({table.key}))"
        f" PARTITION BY RANGE ({table.by})"
    )
    for name, index in table.indexes.items():
        op.execute(f"CREATE INDEX {table.name}_{name} ON {table.name} {index}")
    # The check says what the part promises, so that attaching it reads nothing.
    op.execute(f"ALTER TABLE {old} ADD CONSTRAINT bound CHECK ({table.by} < '{_bound(first)}') NOT VALID")
    op.execute(f"ALTER TABLE {old} VALIDATE CONSTRAINT bound")
    op.execute(f"ALTER TABLE {table.name} ATTACH PARTITION {old} FOR VALUES FROM (MINVALUE) TO ('{_bound(first)}')")
    op.execute(f"ALTER TABLE {old} DROP CONSTRAINT bound")


def _month(at: datetime, later: int) -> datetime:
    """The first instant of the month of `at`, or of a later one."""
    number = at.year * 12 + at.month - 1 + later
    return datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC)


def _bound(month: datetime) -> str:
    """Below every id of the month, above every one before."""
    digits = f"{int(month.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def _fill(table: Table) -> str:
    return f" WITH (fillfactor = {table.fill})" if table.fill else ""


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '3s'")
    op.execute("DROP VIEW runs")
    op.execute("LOCK TABLE active_runs, ended_runs, steps, step_attempts, messages, events IN ACCESS EXCLUSIVE MODE")
    for table in TABLES:
        _join(table)
    op.execute("ALTER TABLE runs DROP CONSTRAINT ended_runs_status_check")
    op.execute("ALTER TABLE runs SET (fillfactor = 80)")
    op.execute("INSERT INTO runs SELECT * FROM active_runs")
    op.execute("DROP TABLE active_runs")
    for index in OF_ACTIVE_RUNS.values():
        op.execute(f"CREATE {index}")


def _join(table: Table) -> None:
    """The oldest part takes in what was written since, and is the table again."""
    old, whole = f"{table.name}_before", f"{table.name}_by_month"
    if op.get_bind().scalar(text(f"SELECT to_regclass('{old}') IS NOT NULL")):
        op.execute(f"ALTER TABLE {table.name} DETACH PARTITION {old}")
    else:  # its time was over
        op.execute(
            f"CREATE TABLE {old} (LIKE {table.name} {LIKE}, CONSTRAINT {old}_pkey PRIMARY KEY ({table.key})){_fill(table)}"
        )
        for name, index in table.indexes.items():
            op.execute(f"CREATE INDEX {old}_{name} ON {old} {index}")
    op.execute(f"ALTER TABLE {table.name} RENAME TO {whole}")
    op.execute(f"INSERT INTO {old} SELECT * FROM {whole}")
    op.execute(f"DROP TABLE {whole}")
    op.execute(f"ALTER TABLE {old} RENAME TO {table.was}")
    op.execute(f"ALTER INDEX {old}_pkey RENAME TO {table.was}_pkey")
    for name in table.indexes:
        if name in table.made:
            op.execute(f"DROP INDEX {old}_{name}")
        else:
            op.execute(f"ALTER INDEX {old}_{name} RENAME TO {table.was}_{name}")
