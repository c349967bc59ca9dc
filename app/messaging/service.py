"""Rules of the send ledger as people and programs see it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Complaint, Conflict, Invalid, NotFound
from app.lib import clock, jobs, pagination
from app.messaging import repository
from app.messaging.counters import AWAITED
from app.messaging.repository import MessageKey
from app.messaging.schemas import MessageView
from app.models import Inbox, Message
from app.models.status import Channel, MessageStatus


class AlreadySettled(Conflict):
    """Only a message whose fate is uncertain can be settled by hand."""

    code = "already_settled"


def message_id(message: Message) -> str:
    """The id that the API knows a message by: the run and the number of its step."""
    return f"{message.run_id}-{message.seq}"


def message_key(text: str) -> MessageKey:
    """Read an id of `message_id` back. NotFound when it is none."""
    run, _, seq = text.rpartition("-")
    try:
        key = (UUID(run), int(seq))
    except ValueError as error:
        raise NotFound from error
    if not 0 <= key[1] < 32768:
        raise NotFound
    return key


def message_view(message: Message) -> MessageView:
    return MessageView(
        id=message_id(message),
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        contact_id=message.contact_id,
        template_id=message.template_id,
        channel=Channel(message.channel).word,
        status=MessageStatus(message.status).word,
        recipient=message.recipient,
        subject=message.subject,
        error_message=message.error_message,
        attempt=message.attempt,
        due_at=message.due_at,
        created_at=message.created_at,
        sent_at=message.sent_at,
        workflow_version=message.workflow_version,
        node_id=message.node_id,
        connector_id=message.connector_id,
        reason=message.reason,
        settled_at=message.settled_at,
    )


def message_status(word: str | None) -> int | None:
    """The number of a status word; Invalid names the words there are."""
    if not word:
        return None
    try:
        return int(MessageStatus.of(word))
    except KeyError as error:
        words = ", ".join(status.word for status in MessageStatus)
        raise Invalid(errors=[Complaint(path="status", message=f"Use one of {words}.")]) from error


class MessageService:
    """The send ledger of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.tenant_id = session, principal.tenant_id

    async def get(self, text: str) -> Message:
        found = await repository.message(self.session, self.tenant_id, message_key(text))
        if found is None:
            raise NotFound
        return found

    async def list(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        *,
        contact_id: UUID | None = None,
        workflow_id: UUID | None = None,
        run_id: UUID | None = None,
        status: str | None = None,
    ) -> pagination.Page[Message]:
        size = pagination.clamp_limit(limit)
        after = pagination.decode_cursor(cursor, UUID, int) if cursor else None
        rows = await repository.messages(
            self.session,
            self.tenant_id,
            size + 1,
            after=(after[0], after[1]) if after else None,
            contact_id=contact_id,
            workflow_id=workflow_id,
            run_id=run_id,
            status=message_status(status),
        )
        return pagination.cut(rows, size, lambda row: (row.run_id, row.seq))

    async def settle(self, text: str, *, sent: bool) -> Message:
        """A person says what became of an uncertain message; a run that waits for it goes on."""
        message = await self.get(text)
        status = MessageStatus.SENT if sent else MessageStatus.FAILED
        error, reason = (None, None) if sent else ("Marked as not sent by a person.", "settled_by_hand")
        if not await repository.settle_message(self.session, self.tenant_id, message_key(text), status, error, reason):
            raise AlreadySettled
        await self.session.refresh(message)
        if (message.payload or {}).get(AWAITED):
            output = {"status": MessageStatus(message.status).word, "recipient": message.recipient}
            self.session.add(
                Inbox(
                    tenant_id=self.tenant_id,
                    kind=2,
                    name="message.settled",
                    contact_id=message.contact_id,
                    workflow_id=message.workflow_id,
                    run_id=message.run_id,
                    payload={
                        "seq": message.seq,
                        "port": "next" if sent else "error",
                        "output": output,
                        "error": message.error_message,
                    },
                    occurred_at=clock.now(),
                )
            )
            jobs.enqueue(self.session, "advance")
            await self.session.flush()
        return message
