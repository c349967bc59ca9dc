"""`/messages/export`: the ledger as a CSV file, narrowed as the page is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from litestar import get
from litestar.params import FromQuery
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.deps import AppRequest, Database
from app.messaging.bulk_pages import ListFilters
from app.messaging.channels.message_ids import message_id
from app.messaging.list_columns import MESSAGES
from app.messaging.service import MessageService
from app.models import Message
from app.models.status import Channel, MessageStatus, Role
from app.web.csv_export import CsvAnswer, CsvList, csv_answer
from app.web.pagination import MAX_LIMIT, Page

COLUMNS = (
    "id", "contact_id", "recipient", "channel", "subject", "workflow_id", "workflow", "version", "step", "status", "reason",
    "error", "created_at", "sent_at",
)  # fmt: skip


def row_of(message: Message, workflow: str) -> list[Any]:
    """A message as a row of COLUMNS."""
    return [
        message_id(message.run_id, message.seq), str(message.contact_id), message.recipient, Channel(message.channel).word,
        message.subject, str(message.workflow_id), workflow, message.workflow_version, message.node_id,
        MessageStatus(message.status).word, message.reason, message.error_message, message.created_at, message.sent_at,
    ]  # fmt: skip


@get("/messages/export", role=Role.VIEWER)
async def export_messages(
    request: AppRequest,
    db_session: Database,
    status: FromQuery[str] = "",
    workflow: FromQuery[str] = "",
    version: FromQuery[str] = "",
    node: FromQuery[str] = "",
    connector: FromQuery[str] = "",
    reason: FromQuery[str] = "",
    period: FromQuery[str] = "",
    contact: FromQuery[str] = "",
    sort: FromQuery[str] = "",
    columns: FromQuery[str] = "",
) -> CsvAnswer:
    """All messages that fit, as they are sorted, with all their columns whatever `columns` the page shows."""
    principal = request.user
    filters = ListFilters(status, workflow, version, node, connector, reason, period, contact).columns
    oldest_first = MESSAGES.checked_order(sort) == "run"

    async def read(of_page: AsyncSession, cursor: str | None) -> Page[Sequence[Any]]:
        messages = MessageService(of_page, principal)
        page = await messages.list(MAX_LIMIT, cursor, status=status or None, oldest_first=oldest_first, **filters)
        names = dict(await messages.rows.workflow_names({row.workflow_id for row in page.items}))
        return Page([row_of(row, names.get(row.workflow_id, "")) for row in page.items], page.next_cursor)

    return await csv_answer(request, db_session, CsvList("messages", COLUMNS, read))


ROUTES = [export_messages]
