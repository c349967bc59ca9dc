"""The rules behind the unsubscribe link: reading a token, unsubscribing, and resubscribing.

No sign-in: the holder of the signed link may unsubscribe that address. Both ways are idempotent, and each real change is an
event of the contact, so that workflows can react.
"""

from __future__ import annotations

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.errors import Invalid, NotFound
from app.events.record import record
from app.lib import crypto
from app.lib.translation import gettext, translatable
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.email.channel import EmailChannel
from app.messaging.channels.message_ids import message_id
from app.messaging.channels.unsubscribe_link import UNSUBSCRIBE, Unsubscribe
from app.messaging.channels.words import plural
from app.models import Contact, Workspace
from app.subscriptions import suppression_repository
from app.subscriptions.permission import Permission
from app.subscriptions.repository import SubscriberRepository
from app.subscriptions.service import address_of, bring_back, permission_of, unsubscribed_event

ASKED_AGAIN = translatable("Asked for emails again on the page of the unsubscribe link.")


class BadLink(NotFound):
    """This link is not complete. Copy all of it from the email, or use the newest email you got."""

    code = "bad_link"


class OtherAddress(Invalid):
    """This is not the address that this email went to. Write the whole address, such as ada@example.com."""

    code = "other_address"


class SubscriptionState(msgspec.Struct, frozen=True):
    """What the page shows: whose messages, for which address, and may they be sent now, about the topic and at all.

    `many`: what they are called; `input`: what kind of field of HTML takes such an address.
    """

    workspace: str
    many: str
    input: str
    address: str
    topic: str | None
    about_topic: Permission
    at_all: Permission

    @property
    def can_return(self) -> bool:
        """Is it the person who said no? What a mail server said, a click does not change."""
        return self.about_topic.reason in ("unsubscribed", "no_consent", "no_topic_consent")


def read_link(token: str) -> Unsubscribe:
    """The meaning of a link. Raises BadLink."""
    try:
        return msgspec.convert(crypto.unsign(UNSUBSCRIBE, token), Unsubscribe)
    except (crypto.CannotUnseal, msgspec.ValidationError) as error:
        raise BadLink from error


def masked_address(address: str) -> str:
    """An address that its owner knows again and a stranger learns nothing from: ``z••@e••.com``."""
    local, at, domain = address.partition("@")
    if not at:
        return f"{address[:3]}••{address[-2:]}" if len(address) > 7 else "••"
    name, dot, ending = domain.rpartition(".")
    return f"{local[:1]}••@{name[:1]}••{dot}{ending}"


async def subscription_state(session: AsyncSession, link: Unsubscribe) -> SubscriptionState:
    """The state that the page shows. Raises BadLink when the contact was deleted."""
    contact, (channel, _) = await _contact(session, link.tenant_id, link.contact_id), await _sent(session, link)
    workspace = await session.get(Workspace, link.tenant_id)
    address = address_of(contact, channel) or ""
    return SubscriptionState(
        workspace=workspace.name if workspace else "",
        many=plural((channel.number,)),
        input={"email": "email", "phone": "tel"}.get(channel.identifier, "text"),
        address=masked_address(address) if address else "",
        topic=link.topic,
        about_topic=await permission_of(session, contact, link.topic, channel),
        at_all=await permission_of(session, contact, channel=channel),
    )


async def unsubscribe(session: AsyncSession, link: Unsubscribe, *, everything: bool) -> None:
    """No more mails about the link's topic, or none at all. A mail without a topic stands for all of them.

    None at all is also about the address that this mail went to: the contact may have another one by now.
    """
    contact, (channel, to) = await _contact(session, link.tenant_id, link.contact_id), await _sent(session, link)
    topic = None if everything else link.topic
    new = False
    if topic is None:
        reached = [address_of(contact, channel), to]
        entries = [suppression_repository.Put(address=address, reason="unsubscribed") for address in reached if address]
        new = bool(entries) and bool(await suppression_repository.put(session, link.tenant_id, channel.number, entries))
    subscribers = SubscriberRepository(session, link.tenant_id)
    changed = await subscribers.merge_consent(link.contact_id, {topic or channel.type: False})
    if changed or new:
        event = unsubscribed_event(
            contact.id,
            "contact",
            "unsubscribed",
            topic,
            channel=channel.type,
            messageId=message_id(link.run_id, link.seq),
        )
        await record(session, link.tenant_id, [event])
    await session.refresh(contact)


async def resubscribe(session: AsyncSession, link: Unsubscribe, address: str) -> None:
    """Mails again: what this link had switched off. An address that bounced stays on the list.

    Consent is more than a click: mails are forwarded, and programs press what they find in them. So whoever wants mails again
    writes the address that they go to (docs/decisions/0025-work-is-bounded.md). Raises OtherAddress.
    """
    channel, reached = await _sent(session, link)
    contact = await _contact(session, link.tenant_id, link.contact_id)
    comparables = {channel.comparable(one) for one in (address_of(contact, channel), reached) if one}
    if channel.comparable(address) not in comparables:
        raise OtherAddress
    await bring_back(
        session,
        contact,
        link.topic,
        by="contact",
        name=gettext("The contact"),
        why=ASKED_AGAIN,
        reasons=("unsubscribed",),
        also=[reached] if reached else [],
        channel=channel,
        messageId=message_id(link.run_id, link.seq),
    )


async def _sent(session: AsyncSession, link: Unsubscribe) -> tuple[type[ChannelType], str | None]:
    """The channel of the message that has the link, and the address that it went to."""
    subscribers = SubscriberRepository(session, link.tenant_id)
    sent = await subscribers.sent_to((link.run_id, link.seq), link.contact_id)
    if sent is None:
        return EmailChannel, None
    number, address = sent
    return registry.known(number) or EmailChannel, address


async def _contact(session: AsyncSession, tenant_id: int, contact_id: UUID) -> Contact:
    contact = await SubscriberRepository(session, tenant_id).get(contact_id)
    if contact is None:
        raise BadLink
    return contact
