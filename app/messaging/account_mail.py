"""Sends the mails that `app.accounts` writes down: invitations and sign-in links, through the default connector of their workspace, or
the one that stands in for it while it does not work.

No transaction is open while a mail server is waited for. A mail that was being sent when its worker died is sent again a little later: its
link is the same and works once, so a second copy does no harm, where a lost one would.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from app.connectors.condition import condition_of
from app.connectors.repository import ConnectorRepository, change_state
from app.connectors.senders import sender_of
from app.connectors.stand_ins import LONGEST, chain_of
from app.connectors.state import ConnectorState, change_of
from app.lib import clock, crypto, database
from app.lib.addresses import BadAddress, wire_address
from app.lib.translation import gettext, translatable
from app.messaging import account_mail_repository
from app.messaging.channels import registry
from app.messaging.channels.connector import ConnectorType, Sender
from app.messaging.channels.email.channel import EmailChannel, letter
from app.messaging.channels.parts import Parts
from app.messaging.channels.result import Packet, Result, Transport
from app.models import Connector
from app.models.invitation import AccountMail

log = structlog.get_logger()
AT_ONCE, PER_WORKSPACE = 20, 3
HELD = timedelta(minutes=2)
"""The lease of a claimed mail; a send takes 30 s at most."""
TRIES = 12
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=1)
NOWHERE = translatable("There is no connector that could send it. Add one under Connectors, then send it again.")


class _Ready(NamedTuple):
    """A mail to send, or what is already known to become of it."""

    id: UUID
    attempt: int
    way: tuple[type[ConnectorType], Sender, ConnectorState, Packet] | None
    known: Result | None = None
    has_another: bool = False
    """Another connector stands in for the one that it leaves by, should that one turn out not to work."""


async def send_waiting(engine: AsyncEngine, seconds: float) -> bool:
    """Send what is due for at most about `seconds`. True when something may be left."""
    maker, until = async_sessionmaker(engine, expire_on_commit=False), time.monotonic() + seconds
    links: dict[type[ConnectorType], Transport] = {}
    try:
        while time.monotonic() < until:
            async with database.committed(maker()) as session:
                claimed = await _take(session)
            if not claimed:
                return False
            results = await asyncio.gather(*(_send(links, ready) for ready in claimed))
            async with database.committed(maker()) as session:
                for ready, result in zip(claimed, results, strict=True):
                    await _settle(session, ready, result)
    finally:
        for transport in links.values():
            await transport.close()
    return True


async def _take(session: AsyncSession) -> list[_Ready]:
    """Take some that are due."""
    now = clock.now()
    rows = await account_mail_repository.lock_due(session, now, AT_ONCE, PER_WORKSPACE)
    ready_mails = [await _ready(session, row) for row in rows]
    for row in rows:
        row.due_at, row.attempts = now + HELD, row.attempts + 1
    return ready_mails


async def _ready(session: AsyncSession, row: AccountMail) -> _Ready:
    attempt = row.attempts + 1
    if row.expires_at <= clock.now() or row.sealed is None:
        return _Ready(row.id, attempt, None, Result("rejected", gettext("Its link ended before it could be sent.")))
    connector, has_another = await _connector(session, row.tenant_id)
    if connector is None or registry.connector_type(connector.type).is_local(connector.config):
        return _Ready(row.id, attempt, None, Result("rejected", NOWHERE))
    try:
        sender: Any = sender_of(connector.type, connector.id, connector.config, connector.secret)
        recipient = wire_address(row.recipient)
        subject, text = msgspec.json.decode(crypto.unseal(row.sealed, f"account-mail:{row.id}"), type=tuple[str, str])
        mail = letter(Parts(subject, "", text), sender, recipient, f"<account.{row.id}@throughline>")
    except BadAddress:
        return _Ready(row.id, attempt, None, Result("rejected", gettext("This is not an email address.")))
    except crypto.CannotUnseal:
        text = gettext("It cannot be read any more, because the secret key was changed. Send it again.")
        return _Ready(row.id, attempt, None, Result("rejected", text))
    way = registry.connector_type(connector.type), sender, condition_of(connector), mail
    return _Ready(row.id, attempt, way, has_another=has_another)


async def _connector(session: AsyncSession, tenant_id: int) -> tuple[Connector | None, bool]:
    """By which one mails of the workspace leave now, and whether there is another one for the case that it does not work.

    The mailbox inside the product stands in for none: a link that is shown there reaches nobody.
    """
    rows = ConnectorRepository(session, tenant_id)
    first = await rows.default(EmailChannel.number)
    if first is None:
        return None, False
    types = registry.connector_types()
    by_id = {row.id: row for row in await rows.list(Connector.channel == EmailChannel.number)}
    chain = [by_id[one.id] for one in chain_of(first, by_id)[:LONGEST]]
    able = [
        one for one in chain if one.state == "ok" and one.type in types and not types[one.type].is_local(one.config)
    ]
    return (able[0], len(able) > 1) if able else (first, False)


async def _send(links: dict[type[ConnectorType], Transport], ready: _Ready) -> Result:
    if ready.way is None:
        return ready.known or Result("rejected", NOWHERE)
    kind, sender, _, mail = ready.way
    if kind not in links:
        links[kind] = kind.transport()
    return await links[kind].send(sender.server, mail)


async def _settle(session: AsyncSession, ready: _Ready, result: Result) -> None:
    """Store the result, and the connector's state, which it affects as any other send does."""
    now = clock.now()
    values: dict[str, Any]
    if result.kind == "sent":
        values = {"sent_at": now, "due_at": None, "sealed": None, "error": None}
    elif ready.has_another and result.kind in ("misconfigured", "unavailable") and ready.attempt < TRIES:
        values = {"due_at": now}
    elif result.kind in ("rejected", "misconfigured") or ready.attempt >= TRIES:
        values = {"due_at": None, "sealed": None, "error": result.text[:500]}
    else:
        wait = min(FIRST_WAIT * 2 ** (ready.attempt - 1), LONGEST_WAIT)
        values = {"due_at": now + wait}
    await account_mail_repository.set_values(session, ready.id, values)
    log.info("account_mail." + result.kind, mail_id=str(ready.id), attempt=ready.attempt, reason=result.reason)
    if ready.way is not None:
        change = change_of(ready.way[2], result)
        if change and await change_state(session, change):
            change.log()
