"""The link to unsubscribe in our own messages reports as providers do: on the message, in the counters, about doubts and waits."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.callbacks import report_repository
from app.lib import clock
from app.lib.translation import gettext
from app.messaging import decisions, deliveries
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.reports import MessageReport
from app.messaging.channels.unsubscribe_link import Unsubscribe
from app.messaging.deliveries import ReportOf
from app.models.status import MessageStatus, ReportKind, Role
from app.subscriptions.unsubscribe import unsubscribe


async def unsubscribe_by_link(session: AsyncSession, link: Unsubscribe, *, everything: bool) -> None:
    """What `unsubscribe` does, and a report on the message that has the link, once however often it is used. Raises BadLink."""
    key = (link.run_id, link.seq)
    report = MessageReport(
        kind=ReportKind.UNSUBSCRIBED,
        at=clock.now(),
        reference=message_id(*key),
        detail="" if everything or link.topic is None else link.topic,
        key="link",
    )
    status = await report_repository.store_own(session, link.tenant_id, link.contact_id, report)
    if status is not None:
        if status == MessageStatus.UNCERTAIN:  # who has the link has the message
            await decisions.decide(session, link.tenant_id, "sent", [key], _reporter(link))
        await deliveries.mark(session, link.tenant_id, [ReportOf(*key, report.kind)])
    await unsubscribe(session, link, everything=everything)


def _reporter(link: Unsubscribe) -> Principal:
    name = gettext("The link in the message")
    return Principal(kind="product", id=link.contact_id, tenant_id=link.tenant_id, role=Role.MARKETER, name=name)
