"""SQL of lists of messages: by which index each filter is served (`app.models.bounded_repository`).

Most messages were sent; the indexes of what did not leave, and of what is still to leave, know only those that are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select, text

from app.lib import clock
from app.lib.ids import first_uuid7_of
from app.models import Message
from app.models.bounded_repository import bounded_page, page_of_few
from app.models.status import MessageStatus
from app.models.tenant_repository import TenantRepository
from app.web.pagination import Page

OPEN, ENDED, TROUBLED = (
    text("messages.status in (0, 1)"),
    text("messages.status > 2"),
    text("messages.status in (8, 9)"),
)
"""As the indexes of those say it."""
_AHEAD = timedelta(hours=1)
"""A run has its id a moment after the instant of its batch, by another machine's clock."""
_ORDER = (Message.run_id, Message.seq)


class MessageList(NamedTuple):
    """What the list is narrowed to. `status` is a MessageStatus; `since` and `until` are about when a message came to its end."""

    run_id: UUID | None = None
    contact_id: UUID | None = None
    workflow_id: UUID | None = None
    version: int | None = None
    node_id: str | None = None
    connector_id: UUID | None = None
    status: int | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    oldest_first: bool = False


class MessageLists(TenantRepository[Message]):
    """The messages of a workspace, those of the newest runs first, or of the oldest."""

    model = Message

    async def newest(self, wanted: MessageList, cursor: str | None, limit: int) -> Page[Message]:
        """A page of messages."""
        led_by, others = self._path(wanted)
        few = self._few(wanted)
        if wanted.contact_id is not None:
            of_contact = await self._rare(few, led_by, others, cursor, limit, ascending=wanted.oldest_first)
            if of_contact is not None:
                return of_contact
        for first in (True, False) if few and wanted.contact_id is None else (False,):
            page = await bounded_page(
                self.session,
                select(Message),
                _ORDER,
                cursor,
                limit,
                led_by=led_by,
                others=others,
                key=lambda row: (row[0].run_id, row[0].seq),
                first=first,
                ascending=wanted.oldest_first,
            )
            if len(page.items) == limit or page.next_cursor is None or not first:
                break
            rare = await self._rare(few, led_by, others, cursor, limit, ascending=wanted.oldest_first)
            if rare is not None:
                return rare
        return Page([row[0] for row in page.items], page.next_cursor)

    async def _rare(
        self,
        few: Sequence[ColumnElement[bool]],
        led_by: Sequence[ColumnElement[bool]],
        others: Sequence[ColumnElement[bool]],
        cursor: str | None,
        limit: int,
        *,
        ascending: bool,
    ) -> Page[Message] | None:
        """A page of what `few` finds, if that is little."""
        conditions = [*led_by, *others]
        return await page_of_few(
            self.session, Message, _ORDER, cursor, limit, few=[self.own, *few], others=conditions, ascending=ascending
        )

    def _path(self, wanted: MessageList) -> tuple[list[ColumnElement[bool]], list[ColumnElement[bool]]]:
        """The conditions that an index serves in the order of the list, and those that are left over."""
        equal: dict[Any, Any] = {
            Message.run_id: wanted.run_id,
            Message.contact_id: wanted.contact_id,
            Message.workflow_id: wanted.workflow_id,
            Message.workflow_version: wanted.version,
            Message.node_id: wanted.node_id,
            Message.connector_id: wanted.connector_id,
            Message.status: wanted.status,
            Message.reason: wanted.reason,
        }
        leading: list[Any] = []
        if wanted.run_id is not None:
            leading = [Message.run_id]
        elif wanted.workflow_id is not None:
            leading = [Message.workflow_id]
        led_by: list[ColumnElement[bool]] = [self.own]
        if wanted.run_id is None and wanted.status is not None and wanted.status > MessageStatus.SENT:
            leading.append(Message.status)
            led_by.append(ENDED)  # type: ignore[arg-type]
        led_by += [column == equal[column] for column in leading]
        if wanted.until is not None and clock.is_system():
            led_by.append(Message.run_id < first_uuid7_of(wanted.until, _AHEAD))
        others = [column == value for column, value in equal.items() if value is not None and column not in leading]
        if wanted.since is not None:
            others.append(Message.settled_at >= wanted.since)
        if wanted.until is not None:
            others.append(Message.settled_at <= wanted.until)
        return led_by, others

    def _few(self, wanted: MessageList) -> list[ColumnElement[bool]]:
        """What finds all that fit by an index without the order of the list, where there may be few; nothing where there is none."""
        if wanted.contact_id is not None:
            return [Message.contact_id == wanted.contact_id]
        if wanted.status in (MessageStatus.QUEUED, MessageStatus.SENDING):
            return [OPEN]  # type: ignore[list-item]
        if wanted.status in (MessageStatus.FAILED, MessageStatus.UNCERTAIN) and wanted.since is not None:
            return [TROUBLED, Message.settled_at >= wanted.since]  # type: ignore[list-item]
        if wanted.status is None and wanted.reason is not None:
            return [or_(OPEN, ENDED)]  # what has left, or may have, has none
        return []
