"""What providers reported about a message, for pages and programs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.messaging.channels.message_ids import MessageKey
from app.messaging.schemas import ReportView
from app.models import StoredReport
from app.models.status import ReportKind

MOST_OF_RUN = 500
"""Reports that the page of a run shows."""


async def reports_about(session: AsyncSession, tenant_id: int, key: MessageKey) -> Sequence[StoredReport]:
    """All of one message, the first first; there are a hundred at most."""
    query = (
        select(StoredReport)
        .where(StoredReport.tenant_id == tenant_id, StoredReport.run_id == key[0], StoredReport.seq == key[1])
        .order_by(StoredReport.at, StoredReport.kind)
    )
    return (await session.scalars(query)).all()


async def reports_by_step(session: AsyncSession, tenant_id: int, run_id: UUID) -> dict[int, list[StoredReport]]:
    """Those about the messages of a run, by step, the first first."""
    query = (
        select(StoredReport)
        .where(StoredReport.tenant_id == tenant_id, StoredReport.run_id == run_id)
        .order_by(StoredReport.seq, StoredReport.at, StoredReport.kind)
        .limit(MOST_OF_RUN)
    )
    by_step: dict[int, list[StoredReport]] = {}
    for row in await session.scalars(query):
        by_step.setdefault(row.seq, []).append(row)
    return by_step


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
