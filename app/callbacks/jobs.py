"""What the scheduler does for reports: those that came before their message was recorded find it, or go."""

from __future__ import annotations

from datetime import timedelta

from app import inbox_lane
from app.callbacks import report_repository
from app.callbacks.consequences import take_reports
from app.callbacks.receiving import lane_of_connector
from app.lib import clock, database
from app.lib.database_roles import DatabaseRole
from app.messaging.channels import registry

KEPT = timedelta(hours=2)
"""How long a report waits for its message, whose outcome is written within minutes of its send."""


async def match_late_reports() -> None:
    """Take reports whose message is known by now, some hundred in each transaction; forget those of two hours ago."""
    async with database.transaction(DatabaseRole.ENGINE) as session:
        connectors = await report_repository.matched(session)
        await report_repository.forget_unmatched(session, clock.now() - KEPT)
    for tenant_id, connector_id, type_name in connectors:
        kind = registry.connector_types().get(type_name)
        if kind is None:
            continue
        async with database.transaction(DatabaseRole.ENGINE) as session:
            inbox_lane.use_lane(session, lane_of_connector(connector_id))
            reports = await report_repository.take_matched(session, tenant_id, connector_id)
            if reports:
                await take_reports(session, tenant_id, connector_id, kind, reports)


EACH_MINUTE = [match_late_reports]
