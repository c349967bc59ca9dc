"""Sending one rendered template to one address, now: for the test buttons of the template editor and of steps."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.connectors.repository import ConnectorRepository
from app.connectors.schemas import TestResult
from app.connectors.stand_ins import refusal
from app.connectors.trial import send_trial
from app.errors import Invalid
from app.lib.translation import gettext
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.parts import Parts

NO_STEP: Mapping[str, Any] = MappingProxyType({})


async def send_test(
    session: AsyncSession,
    principal: Principal,
    channel: type[ChannelType],
    to: str,
    parts: Parts,
    options: Mapping[str, Any] = NO_STEP,
    content: Mapping[str, Any] = NO_STEP,
) -> TestResult:
    """Send and describe the outcome in a sentence. Ends the transaction. Raises TooMany; other errors are not the user's to mend.

    `options`: what the step says of how its messages leave: by which connector, from whom. Without one the default is meant.
    `content`: of the template, which a connector that stands in may not be able to send.
    """
    connector_id = str(options.get("connectorId") or "")
    ways = await ConnectorRepository(session, principal.tenant_id).carrying(channel.number, connector_id)
    if ways is None and connector_id:
        return TestResult(
            "rejected",
            gettext(
                "The connector of this step is not there, or is not one for %(messages)s.", messages=channel.many()
            ),
        )
    if ways is None:
        return TestResult(
            "away",
            gettext(
                "There is no connector for %(messages)s yet. An admin can add one under Connectors.",
                messages=channel.many(),
            ),
        )
    first, connector = ways
    if connector is not first and (why := refusal(first, connector, options, content)):
        return TestResult("away", why)
    subject = f"[Test] {parts.subject}" if parts.subject else ""
    try:
        result = await send_trial(
            session, principal, connector, to, msgspec.structs.replace(parts, subject=subject), options
        )
    except Invalid as error:
        return TestResult("rejected", error.errors[0]["message"])
    if result.result != "sent":
        return result
    if not connector_id and connector is first:
        return TestResult(result.result, gettext("Sent to %(address)s.", address=to.strip()))
    return TestResult(
        result.result, gettext("Sent to %(address)s by “%(name)s”.", address=to.strip(), name=connector.name)
    )
