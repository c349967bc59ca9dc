"""Sending one rendered template to one address, now, through the default connector: for the editor's test button."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.repository import ConnectorRepository
from app.connectors.schemas import TestResult
from app.connectors.trial import send_trial
from app.errors import Invalid
from app.lib import clock
from app.lib.addresses import wire_address
from app.lib.ids import uuid7
from app.messaging.channels.email import mime
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.email.smtp_connection import Mail
from app.messaging.channels.email.smtp_connector import SmtpSender
from app.messaging.channels.parts import Parts


async def send_test(session: AsyncSession, principal: Principal, to: str, parts: Parts) -> TestResult:
    """Send and say in a sentence what became of it. Ends the transaction. Raises TooMany; nothing else that a person can mend."""
    connector = await ConnectorRepository(session, principal.tenant_id).default(EmailChannel.number)
    if connector is None:
        return TestResult("away", "There is no connector for email yet. An admin can add one under Connectors.")

    def build(sender: SmtpSender, recipient: str) -> Mail:
        envelope = mime.MailHeaders(
            message_id=f"<test.{uuid7()}@throughline>",
            sender=(own := wire_address(sender.from_email)),
            sender_name=sender.from_name,
            reply_to="",
            recipient=recipient,
            unsubscribe_url="",
            at=clock.now(),
        )
        mail = mime.build(envelope, Parts(f"[Test] {parts.subject}", parts.html, parts.text))
        return Mail(own, recipient, mail)

    try:
        result = await send_trial(session, principal, connector, to, build)
    except Invalid:
        return TestResult("rejected", "That is no mail address.")
    return TestResult(result.result, f"Sent to {to.strip()}.") if result.result == "sent" else result
