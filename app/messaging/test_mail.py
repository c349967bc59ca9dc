"""Sending one rendered template to one address, now, through the default connector: for the editor's test button."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors import repository as connectors
from app.connectors.schemas import TestResult
from app.connectors.senders import sender_of
from app.connectors.service import address, condition_of, note
from app.connectors.smtp import Links
from app.connectors.smtp_connection import Mail
from app.errors import Invalid
from app.lib import clock, crypto
from app.lib.addresses import BadAddress, wire_address
from app.lib.ids import uuid7
from app.messaging import email
from app.messaging.schemas import Parts
from app.messaging.suppression import permission_at


async def send_test(session: AsyncSession, tenant_id: int, to: str, parts: Parts) -> TestResult:
    """Send and say in a sentence what became of it. Never raises for what a person can mend."""
    connector = await connectors.default(session, tenant_id)
    if connector is None:
        return TestResult("away", "There is no connector for email yet. An admin can add one under Connectors.")
    condition = condition_of(connector)
    try:
        recipient = wire_address(address(to, "to"))
        sender = sender_of(connector.id, connector.config, connector.secret)
    except (Invalid, BadAddress):
        return TestResult("rejected", "That is no mail address.")
    except crypto.Unreadable:
        return TestResult("away", "The password of the connector cannot be read. An admin can enter it again.")
    may = await permission_at(session, tenant_id, recipient)
    if not may.allowed:
        return TestResult("rejected", f"{may.sentence} Tests do not go there either.")
    mime = email.build(
        email.Envelope(
            message_id=f"<test.{uuid7()}@throughline>",
            sender=wire_address(sender.from_email),
            sender_name=sender.from_name,
            reply_to="",
            recipient=recipient,
            unsubscribe_url="",
            at=clock.now(),
        ),
        Parts(f"[Test] {parts.subject}", parts.html, parts.text),
    )
    links = Links()
    try:
        result = await links.send(sender.server, Mail(wire_address(sender.from_email), recipient, mime))
    finally:
        await links.close()
    await note(session, condition, result)
    return TestResult(result.kind, f"Sent to {recipient}." if result.kind == "sent" else result.text)
