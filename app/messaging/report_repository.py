"""What providers reported about a message, for pages and programs."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.messaging.channels.message_ids import MessageKey
from app.messaging.schemas import ReportView
from app.models import StoredReport
from app.models.status import ReportKind


async def reports_about(session: AsyncSession, tenant_id: int, key: MessageKey) -> Sequence[StoredReport]:
    """All of one message, the first first; there are a hundred at most."""
    query = (
        select(StoredReport)
        .where(StoredReport.tenant_id == tenant_id, StoredReport.run_id == key[0], StoredReport.seq == key[1])
        .order_by(StoredReport.at, StoredReport.kind)
    )
    return (await session.scalars(query)).all()


def report_view(row: StoredReport) -> ReportView:
    return ReportView(
        kind=ReportKind(row.kind).word, at=row.at, received_at=row.received_at, detail=row.detail, url=row.url
    )


class ReportLine(msgspec.Struct, frozen=True):
    """A report on a page."""

    word: str
    row: StoredReport


def report_lines(rows: Sequence[StoredReport]) -> list[ReportLine]:
    """The newest first."""
    return [ReportLine(ReportKind(row.kind).word, row) for row in reversed(rows)]
