"""Rules of the suppression list and of resubscribing: who may change what, and which contact event it emits.

Giving consent by API, file or form never lifts an entry; only the contact's own act (`unsubscribe`) and a user who states a reason
(`lift`, `resubscribe`) do. Everything here may be repeated without doing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.events.record import NewEvent, record
from app.lib import addresses
from app.lib.translation import gettext
from app.messaging.channels import registry
from app.messaging.channels.channel import ChannelType
from app.messaging.channels.email.channel import EmailChannel
from app.models import Contact, Suppression
from app.subscriptions import suppression_repository
from app.subscriptions.permission import REASONS, ContactFacts, Permission, permission
from app.subscriptions.repository import SubscriberRepository
from app.subscriptions.schemas import LiftRequest, NewSuppression, SuppressionView
from app.subscriptions.suppression_list_repository import SuppressionFilter, SuppressionLists, SuppressionRow
from app.subscriptions.suppression_repository import Put
from app.web import pagination

MAX_ENTRIES = 1_000
_TOLD = ("complained", "unsubscribed", "manual")
"""Reasons that are a decision about the contact, and so an event; the others are facts about a mailbox."""


class NotListed(NotFound):
    """This address was never on the suppression list. Look at how it is written."""

    code = "not_on_the_list"


class NoAddress(Conflict):
    """This contact has no email address. Give it one first."""

    code = "no_address"


class Added(msgspec.Struct, frozen=True):
    """The result of an addition: the rows in the order sent, and how many were new."""

    rows: list[SuppressionView]
    new: int


async def permission_of(
    session: AsyncSession, contact: Contact, topic: str | None = None, channel: type[ChannelType] = EmailChannel
) -> Permission:
    """May messages of the channel go to this contact now?"""
    address = address_of(contact, channel)
    if channel.to_devices and not await SubscriberRepository(session, contact.tenant_id).has_device(contact.id):
        address = None
    listed = await suppression_repository.listed(session, contact.tenant_id, [address], channel.number)
    facts = ContactFacts(
        address=address, consent=contact.consent, listed=listed.get(channel.comparable(address)) if address else None
    )
    return permission(facts, channel.type, topic)


def address_of(contact: Contact, channel: type[ChannelType]) -> str | None:
    """Where messages of the channel to this contact go."""
    return channel.address_of({"email": contact.email, "phone": contact.phone, "external_id": contact.external_id})


async def permission_at(
    session: AsyncSession, tenant_id: int, address: str, channel: type[ChannelType] = EmailChannel
) -> Permission:
    """May messages of the channel go to this address now? What the contact who has it said counts, if there is one."""
    comparable = channel.comparable(address)
    for contact_id in (await suppression_repository.contacts_at(session, tenant_id, [comparable], channel)).values():
        contact = await SubscriberRepository(session, tenant_id).get(contact_id)
        if contact is not None:
            return await permission_of(session, contact, channel=channel)
    listed = await suppression_repository.listed(session, tenant_id, [address], channel.number)
    return permission(ContactFacts(address=comparable, listed=listed.get(comparable)), channel.type)


def unsubscribed_event(contact_id: UUID, by: str, reason: str, topic: str | None = None, **more: Any) -> NewEvent:
    """`contact.unsubscribed`; `by` is contact, admin or api, `reason` a word of `app.subscriptions.permission`.

    `more` may name the `channel`; else it is email.
    """
    properties = {"channel": EmailChannel.type, "topic": topic, "by": by, "reason": reason, **more}
    return NewEvent(name="contact.unsubscribed", contact_id=contact_id, properties=properties)


def resubscribed_event(contact_id: UUID, by: str, reason: str, topic: str | None = None, **more: Any) -> NewEvent:
    """`contact.resubscribed`; `reason` is free text. `more` may name the `channel`; the default is email."""
    properties = {"channel": EmailChannel.type, "topic": topic, "by": by, "reason": reason, **more}
    return NewEvent(name="contact.resubscribed", contact_id=contact_id, properties=properties)


def suppression_view(row: Suppression, contact_id: UUID | None) -> SuppressionView:
    return SuppressionView(
        address=row.address,
        channel=registry.word_of(row.channel),
        reason=row.reason,
        detail=row.detail,
        since=row.at,
        lifted_at=row.lifted_at,
        lifted_by=row.lifted_by,
        lifted_reason=row.lifted_reason,
        contact_id=contact_id,
    )


class SuppressionService:
    """The suppression list of the principal's workspace."""

    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal, self.tenant_id = session, principal, principal.tenant_id
        self.lists = SuppressionLists(session, principal.tenant_id)
        self._by = "api" if principal.kind == "key" else "admin"

    async def list(
        self,
        limit: int | None = None,
        cursor: str | None = None,
        *,
        search: str = "",
        reason: str | None = None,
        channel: str | None = None,
        lifted: bool = False,
    ) -> pagination.Page[SuppressionRow]:
        """Entries, the newest first; `lifted` lists those that hold no more. Invalid for words that there are not."""
        wanted = SuppressionFilter(
            search=search.strip().replace("\0", ""),
            reason=_word(reason, REASONS, "reason"),
            channel=_channel(channel).number if channel else None,
            lifted=lifted,
        )
        return await self.lists.newest(wanted, cursor, pagination.clamp_limit(limit))

    async def add(self, sent: Sequence[NewSuppression]) -> Added:
        """Put addresses on the list, all or none. One that is there for a weightier reason stays as it is."""
        entries = self._entries(sent)
        views, new = dict[tuple[str, str], SuppressionView](), 0
        for channel in dict.fromkeys(channel for channel, _ in entries):
            put = [entry for of, entry in entries if of is channel]
            added = await self._put(channel, put)
            views |= {(channel.type, view.address): view for view in added.rows}
            new += added.new
        return Added([views[channel.type, entry.address] for channel, entry in entries], new)

    async def _put(self, channel: type[ChannelType], wanted: Sequence[Put]) -> Added:
        new = await suppression_repository.put(self.session, self.tenant_id, channel.number, wanted)
        contacts = await suppression_repository.contacts_at(
            self.session, self.tenant_id, [entry.address for entry in wanted], channel
        )
        reasons = {entry.address: entry.reason for entry in reversed(wanted)}
        events = [
            unsubscribed_event(contact_id, self._by, reasons[address], channel=channel.type)
            for address, contact_id in contacts.items()
            if address in new and reasons[address] in _TOLD
        ]
        await record(self.session, self.tenant_id, events)
        rows = await suppression_repository.some(self.session, self.tenant_id, channel.number, list(reasons))
        return Added([suppression_view(rows[address], contacts.get(address)) for address in reasons], len(new))

    def _entries(self, sent: Sequence[NewSuppression]) -> Sequence[tuple[type[ChannelType], Put]]:
        if not 1 <= len(sent) <= MAX_ENTRIES:
            message = gettext("Send 1 to %(max_entries)s addresses at a time.", max_entries=f"{MAX_ENTRIES:,}")
            raise Invalid(message, errors=[FieldError(path="", message=message)])
        wanted, field_errors = list[tuple[type[ChannelType], Put]](), []
        for index, entry in enumerate(sent):
            channel = _channel(entry.channel, f"[{index}].channel" if len(sent) > 1 else "channel")
            try:
                address = channel.comparable(channel.normal(channel.in_country(entry.address, self.principal.country)))
            except addresses.BadAddress as error:
                field_errors.append(FieldError(path=f"[{index}].address", message=str(error)))
                continue
            detail = entry.detail.strip()
            if entry.reason == "manual":
                detail = f"{detail} (added by {self.principal.name})" if detail else f"Added by {self.principal.name}"
            wanted.append((channel, Put(address=address, reason=entry.reason, detail=detail)))
        if field_errors:
            raise Invalid(gettext("Nothing was added. Look at `errors` for the addresses."), errors=field_errors)
        return wanted

    async def lift(self, sent: LiftRequest) -> SuppressionView:
        """Take an address off the list, with a reason. What the contact said itself stays said: see `resubscribe`."""
        why = _why(sent.reason)
        channel = _channel(sent.channel)
        row = await suppression_repository.one(self.session, self.tenant_id, channel.number, sent.address)
        if row is None:
            raise NotListed
        contact_id = (
            await suppression_repository.contacts_at(self.session, self.tenant_id, [row.address], channel)
        ).get(row.address)
        if await suppression_repository.lift(
            self.session, self.tenant_id, channel.number, row.address, by=self.principal.name, why=why
        ):
            contact = await SubscriberRepository(self.session, self.tenant_id).get(contact_id) if contact_id else None
            if contact is not None and (await permission_of(self.session, contact, channel=channel)).allowed:
                event = resubscribed_event(contact.id, self._by, why, channel=channel.type)
                await record(self.session, self.tenant_id, [event])
        return suppression_view(row, contact_id)

    async def permission_now(self, contact_id: UUID, channel: str) -> Permission | None:
        """May messages of the channel go to this contact? None when it is not there. Raises Invalid for another word."""
        contact = await SubscriberRepository(self.session, self.tenant_id).get(contact_id)
        return await permission_of(self.session, contact, channel=_channel(channel)) if contact is not None else None

    async def resubscribe(self, contact_id: UUID, reason: str, topic: str | None = None) -> Permission:
        """Resubscribe a contact for a stated reason: lift entries and give consent. Returns its permission afterwards."""
        contact = await SubscriberRepository(self.session, self.tenant_id).get(contact_id)
        if contact is None:
            raise NotFound
        if not contact.email:
            raise NoAddress
        await bring_back(
            self.session,
            contact,
            topic,
            by=self._by,
            name=self.principal.name,
            why=_why(reason),
            reasons=tuple(REASONS),
        )
        return await permission_of(self.session, contact, topic)


async def bring_back(
    session: AsyncSession,
    contact: Contact,
    topic: str | None,
    *,
    by: str,
    name: str,
    why: str,
    reasons: Sequence[str],
    also: Sequence[str] = (),
    channel: type[ChannelType] = EmailChannel,
    **more: Any,
) -> bool:
    """Lift the entry of the contact's address, and of those in `also`, and give consent. Did anything change? Then it is an event.

    An entry that is there for something else than `reasons` stays.
    """
    lifted = [
        await suppression_repository.lift(
            session, contact.tenant_id, channel.number, address, by=name, why=why, reasons=reasons
        )
        for address in sorted(
            {channel.comparable(address) for address in (address_of(contact, channel), *also) if address}
        )
    ]
    names = {channel.type, topic or channel.type}
    answered_topics = {key for key in contact.consent if key.casefold() in {name.casefold() for name in names}}
    wanted = dict.fromkeys(sorted(names | answered_topics), True)
    consented = await SubscriberRepository(session, contact.tenant_id).merge_consent(contact.id, wanted)
    await session.refresh(contact)
    changed = consented or any(lifted)
    if changed:
        await record(
            session, contact.tenant_id, [resubscribed_event(contact.id, by, why, topic, channel=channel.type, **more)]
        )
    return changed


def _word(value: str | None, known: Any, path: str) -> str | None:
    if not value:
        return None
    if value not in known:
        raise Invalid(errors=[FieldError(path=path, message=gettext("Use one of %(known)s.", known=", ".join(known)))])
    return value


def _channel(word: str, path: str = "channel") -> type[ChannelType]:
    """The channel called `word`. Raises Invalid."""
    channel = registry.find(word)
    if channel is None:
        raise Invalid(errors=[FieldError(path=path, message=registry.no_such(word))])
    return channel


def _why(reason: str) -> str:
    """The trimmed reason. Raises Invalid when it is blank."""
    text = reason.replace("\0", "").strip()
    if not text:
        message = gettext("Write why email may go there again, such as “Asked for it on the phone”.")
        raise Invalid(message, errors=[FieldError(path="reason", message=message)])
    return text[:1000]
