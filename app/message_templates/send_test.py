"""Sending one rendered template to one address, now, through the default connector: for the editor's test button."""

from __future__ import annotations

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.repository import ConnectorRepository
from app.connectors.schemas import TestResult
from app.connectors.trial import send_trial
from app.errors import Invalid
from app.lib.translation import gettext
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.parts import Parts


async def send_test(
    session: AsyncSession, principal: Principal, channel: type[ChannelType], to: str, parts: Parts
) -> TestResult:
    """Send and describe the outcome in a sentence. Ends the transaction. Raises TooMany; other errors are not the user's to mend."""
    connector = await ConnectorRepository(session, principal.tenant_id).default(channel.number)
    if connector is None:
        return TestResult(
            "away",
            gettext(
                "There is no connector for %(type)s yet. An admin can add one under Connectors.", type=channel.type
            ),
        )
    subject = f"[Test] {parts.subject}" if parts.subject else ""
    try:
        result = await send_trial(session, principal, connector, to, msgspec.structs.replace(parts, subject=subject))
    except Invalid as error:
        return TestResult("rejected", error.errors[0]["message"])
    return (
        TestResult(result.result, gettext("Sent to %(address)s.", address=to.strip()))
        if result.result == "sent"
        else result
    )
