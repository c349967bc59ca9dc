"""What was there when runs began to be removed after a time: older ones stay until somebody decides."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID, uuid4

from app.lib.clock import now
from app.lib.ids import first_uuid7_of
from tests.fixtures import environment
from tests.fixtures.database import migrate
from tests.migrations.test_with_data import Old, database_at

OLD, NEW = "0034_contact_search", "0035_retention"


def ended(old: Old, tenant: int, at: datetime) -> None:
    run_id = UUID(int=first_uuid7_of(at).int + 1)
    old.db.execute(
        "insert into ended_runs (tenant_id, id, workflow_id, workflow_version, started_at, status, seq) values (%s, %s, %s, 1, %s, 4, 0)",
        (tenant, run_id, uuid4(), at),
    )


def test_workspaces_with_older_runs_keep_them() -> None:
    environment.start_server()
    with database_at(OLD) as url:
        old = Old(url)
        tenants = {}
        for name, settings, days in (
            ("aged", '{"retention": {"events": 30}}', 400),
            ("bare", "{}", 3000),
            ("young", "{}", 300),
        ):
            (tenants[name],) = old.db.execute(
                "insert into workspaces (name, slug, settings) values (%s, %s, %s) returning id", (name, name, settings)
            ).fetchone()  # type: ignore[misc]
            ended(old, tenants[name], now() - timedelta(days=days))
        migrate(url, "upgrade", NEW)
        settings_of = "select name, settings from workspaces where name in ('aged', 'bare', 'young')"
        assert dict(old.db.execute(settings_of).fetchall()) == {
            "aged": {"retention": {"events": 30, "runs": 0}},
            "bare": {"retention": {"runs": 0}},
            "young": {},
        }
        migrate(url, "downgrade", OLD)
        assert dict(old.db.execute(settings_of).fetchall())["aged"] == {"retention": {"events": 30}}
