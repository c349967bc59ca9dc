"""The rules behind the unsubscribe link: what a token means, saying no, and changing one's mind.

No sign-in: whoever holds the signed link may say no for that address. Both ways are idempotent, and each real change is an
event of the contact, so that workflows can react.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import NotFound
from app.events.record import NewEvent, record
from app.lib import crypto
from app.messaging import repository
from app.messaging.email import UNSUBSCRIBE, Unsubscribe
from app.models import Contact, Workspace
from app.models.status import Channel

_ALL = Channel.EMAIL.word


class BadLink(NotFound):
    """This link is not complete. Copy all of it from the mail, or use the newest mail you got."""

    code = "bad_link"


class Choice(msgspec.Struct, frozen=True):
    """What the page shows: whose mails, for which address, and what is wanted now."""

    workspace: str
    address: str
    topic: str | None
    wants_topic: bool
    wants_any: bool


def read(token: str) -> Unsubscribe:
    """The meaning of a link. Raises BadLink."""
    try:
        return msgspec.convert(crypto.unsign(UNSUBSCRIBE, token), Unsubscribe)
    except (crypto.Unreadable, msgspec.ValidationError) as error:
        raise BadLink from error


def masked(address: str) -> str:
    """An address that its owner knows again and a stranger learns nothing from: ``z••@e••.com``."""
    local, _, domain = address.partition("@")
    name, dot, ending = domain.rpartition(".")
    return f"{local[:1]}••@{name[:1]}••{dot}{ending}"


async def choice(session: AsyncSession, link: Unsubscribe) -> Choice:
    """The state that the page shows. Raises BadLink when the contact is gone."""
    contact = await _contact(session, link.tenant_id, link.contact_id)
    workspace = await session.get(Workspace, link.tenant_id)
    address = contact.email or ""
    listed = await repository.suppression(session, link.tenant_id, Channel.EMAIL, address)
    wants_any = contact.consent.get(_ALL) is not False and listed is None
    return Choice(
        workspace=workspace.name if workspace else "",
        address=masked(address) if address else "",
        topic=link.topic,
        wants_topic=wants_any and (link.topic is None or contact.consent.get(link.topic) is not False),
        wants_any=wants_any,
    )


async def say_no(session: AsyncSession, link: Unsubscribe, *, everything: bool) -> None:
    """No more mails about the link's topic, or none at all. A mail without a topic stands for all of them."""
    contact = await _contact(session, link.tenant_id, link.contact_id)
    topic = None if everything else link.topic
    if topic is None and contact.email:
        await repository.suppress(session, link.tenant_id, Channel.EMAIL, contact.email, "unsubscribed")
    await _change(session, link, {topic or _ALL: False}, "contact.unsubscribed", topic)


async def say_yes(session: AsyncSession, link: Unsubscribe) -> None:
    """Mails again: what this link had switched off. An address that bounced stays on the list."""
    contact = await _contact(session, link.tenant_id, link.contact_id)
    if contact.email:
        await repository.lift_suppression(session, link.tenant_id, Channel.EMAIL, contact.email, "unsubscribed")
    wanted = {_ALL: True, **({link.topic: True} if link.topic else {})}
    await _change(session, link, wanted, "contact.resubscribed", link.topic)


async def _change(
    session: AsyncSession, link: Unsubscribe, wanted: dict[str, bool], name: str, topic: str | None
) -> None:
    """Merge consent; an event only when that changed something, so that a second click is none."""
    if not await repository.merge_consent(session, link.tenant_id, link.contact_id, wanted):
        return
    properties = {"channel": _ALL, "topic": topic, "messageId": f"{link.run_id}-{link.seq}"}
    event = NewEvent(name=name, contact_id=link.contact_id, properties=properties)
    await record(session, link.tenant_id, [event])


async def _contact(session: AsyncSession, tenant_id: int, contact_id: UUID) -> Contact:
    found = await repository.contact(session, tenant_id, contact_id)
    if found is None:
        raise BadLink
    return found
