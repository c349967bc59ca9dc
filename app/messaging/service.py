"""Rules of the send ledger as people and programs see it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import inbox
from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.history_start_repository import HistoryStartRepository
from app.lib import jobs
from app.lib.translation import gettext
from app.messaging import decisions
from app.messaging.bulk import Act, MessageJobs, job_view
from app.messaging.channels import registry
from app.messaging.channels.devices import DeviceResult
from app.messaging.channels.message_ids import MessageKey, message_id, message_key
from app.messaging.channels.words import waits_for_channel
from app.messaging.list_repository import MessageList, MessageLists
from app.messaging.report_repository import report_view, reports_about
from app.messaging.repository import MessageRepository
from app.messaging.schemas import DecisionView, MessageFilter, MessageView, MovedView
from app.models import Message, MessageDecision
from app.models.status import MessageStatus
from app.web import pagination

Decided = dict[MessageKey, list[MessageDecision]]


class AlreadySettled(Conflict):
    """Only a message whose fate is uncertain can be settled by hand."""

    code = "already_settled"


class NothingToResend(Conflict):
    """Only a message that failed, or whose fate is uncertain, can be sent again."""

    code = "nothing_to_resend"


def message_view(message: Message) -> MessageView:
    return MessageView(
        id=message_id(message.run_id, message.seq),
        run_id=message.run_id,
        workflow_id=message.workflow_id,
        contact_id=message.contact_id,
        template_id=message.template_id,
        channel=registry.word_of(message.channel),
        status=MessageStatus(message.status).word,
        recipient=message.recipient,
        subject=message.subject,
        error_message=waits_for_channel(message.channel, message.status) or message.error_message,
        attempt=message.attempt,
        due_at=message.due_at,
        created_at=message.created_at,
        sent_at=message.sent_at,
        workflow_version=message.workflow_version,
        node_id=message.node_id,
        connector_id=message.connector_id,
        reason=message.reason,
        settled_at=message.settled_at,
        resent_at=message.resent_at,
        provider_id=message.provider_id,
        devices=[msgspec.convert(one, DeviceResult) for one in message.devices] if message.devices else None,
    )


def decision_view(decision: MessageDecision) -> DecisionView:
    return DecisionView(
        act=decision.act,
        by=decision.by_name,
        by_kind=decision.by_kind,
        at=decision.at,
        was=MessageStatus(decision.was_status).word,
        was_reason=decision.was_reason,
        was_error=decision.was_error,
        was_since=decision.was_since,
        tries=decision.tries,
    )


def message_status(word: str | None) -> int | None:
    """The number of a status word; Invalid names the words there are."""
    if not word:
        return None
    try:
        return int(MessageStatus.of(word))
    except KeyError as error:
        words = ", ".join(status.word for status in MessageStatus)
        raise Invalid(
            errors=[FieldError(path="status", message=gettext("Use one of %(words)s.", words=words))]
        ) from error


class MessageService:
    """The send ledger of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.jobs = MessageJobs(session, principal)
        self.rows = MessageRepository(session, principal.tenant_id)
        self.history = HistoryStartRepository(session, principal.tenant_id)
        self.lists = MessageLists(session, principal.tenant_id)

    async def get(self, text: str) -> Message:
        key = message_key(text)
        message = await self.rows.called(key)
        if message is None:
            raise NotFound(await self.history.why_missing(key[0], message=True))
        return message

    async def list(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        *,
        contact_id: UUID | None = None,
        workflow_id: UUID | None = None,
        version: int | None = None,
        node_id: str | None = None,
        run_id: UUID | None = None,
        status: str | None = None,
        connector_id: UUID | None = None,
        reason: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        oldest_first: bool = False,
    ) -> pagination.Page[Message]:
        """A page of messages, those of the newest runs first, or the oldest. It may end early, when it looked at many that do not fit."""
        wanted = MessageList(
            run_id=run_id,
            contact_id=contact_id,
            workflow_id=workflow_id,
            version=version,
            node_id=node_id,
            connector_id=connector_id,
            status=message_status(status),
            reason=reason or None,
            since=since,
            until=until,
            oldest_first=oldest_first,
        )
        return await self.lists.newest(wanted, cursor, pagination.clamp_limit(limit))

    async def settle(self, text: str, *, sent: bool) -> Message:
        """Settle an uncertain message by a person's decision; a run that waits for it resumes. Raises AlreadySettled."""
        message = await self.get(text)
        if not await self._decide("sent" if sent else "failed", [message_key(text)]):
            raise AlreadySettled
        await self.session.refresh(message)
        return message

    async def resend(self, text: str) -> Message:
        """Put a message that failed or is uncertain back into the queue. It leaves only if it may be sent then. Raises NothingToResend."""
        message = await self.get(text)
        if not await self._decide("resend", [message_key(text)]):
            raise NothingToResend
        await self.session.refresh(message)
        return message

    async def decide_some(self, act: Act, ids: Sequence[str]) -> MovedView:
        """Do `act` to those of `ids` that it can be done to. Ids of no message, or of another workspace, are skipped like the others."""
        keys = set[MessageKey]()
        for text in ids:
            with contextlib.suppress(NotFound):
                keys.add(message_key(text))
        moved = await self._decide(act, sorted(keys))
        return MovedView(moved=moved, skipped=len(set(ids)) - moved)

    async def decide_all(self, act: Act, message_filter: MessageFilter) -> MovedView:
        """Do `act` to all that fit, by a job if they are many."""
        job = await self.jobs.start(act, message_filter)
        return MovedView(moved=job.moved, skipped=job.skipped, job=job_view(job))

    async def decide(self, act: Act, ids: Sequence[str] | None, message_filter: MessageFilter | None) -> MovedView:
        """Either of both. Raises Invalid when there is not exactly one."""
        if (ids is None) == (message_filter is None):
            raise Invalid(errors=[FieldError(path="ids", message=gettext("Send either `ids` or `filter`."))])
        return (
            await self.decide_all(act, message_filter)
            if message_filter is not None
            else await self.decide_some(act, ids or [])
        )

    async def decisions(self, rows: Sequence[Message]) -> Decided:
        """What was decided about these messages, the first first."""
        by_message: Decided = {}
        keys = [(row.run_id, row.seq) for row in rows]
        for decision in await decisions.decisions_about(self.session, self.tenant_id, keys):
            by_message.setdefault((decision.run_id, decision.seq), []).append(decision)
        return by_message

    async def detail(self, text: str) -> MessageView:
        """One message with what was decided about it, and what its provider reported."""
        message = await self.get(text)
        decided = (await self.decisions([message])).get((message.run_id, message.seq), [])
        reports = await reports_about(self.session, self.tenant_id, (message.run_id, message.seq))
        return msgspec.structs.replace(
            message_view(message),
            decisions=[decision_view(decision) for decision in decided],
            reports=[report_view(report) for report in reports],
        )

    async def _decide(self, act: Act, keys: Sequence[MessageKey]) -> int:
        moved = await decisions.decide(self.session, self.tenant_id, act, keys, self.principal) if keys else set()
        if moved:
            jobs.enqueue(self.session, "deliver" if act == "resend" else inbox.ENGINE)
        return len(moved)
