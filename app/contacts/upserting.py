"""Many changes at once, each to the contact that its external id or email names, in a handful of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app import contact_inbox_repository
from app.contact_inbox_repository import SilentChange
from app.contacts import merging
from app.contacts.fields import ContactPatch
from app.contacts.merging import ContactFields, Merged
from app.contacts.repository import ContactRepository
from app.errors import Conflict, FieldError, Invalid
from app.events.record import NewEvent, record
from app.lib.ids import uuid7
from app.lib.translation import gettext
from app.models.status import Channel
from app.subscriptions.service import unsubscribed_event

CREATED, UPDATED = "contact.created", "contact.updated"


class UpsertResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one change. With `refused` nothing of it was stored."""

    contact_id: UUID | None = None
    created: bool = False
    changed: tuple[str, ...] = ()
    refused: Invalid | Conflict | None = None


class TwoContacts(Conflict):
    """The externalId and the email belong to two different contacts. Send one of them, or delete one of the contacts."""

    code = "identity_conflict"
    people = "The external id and the email belong to two different contacts. Use one of them, or delete one of the contacts."


def distinct(changes: Sequence[ContactPatch]) -> bool:
    """Does no external id and no email come twice? `upsert_many` needs that."""
    for name in ("external_id", "email"):
        values = [value for change in changes if (value := getattr(change, name)) is not None]
        if len(values) != len(set(values)):
            return False
    return True


async def upsert_many(
    session: AsyncSession, tenant_id: int, changes: Sequence[ContactPatch], *, via: str, emit: bool = True
) -> list[UpsertResult]:
    """Create or update one contact a change. The changes must be `distinct`. Emits events for what really changed, or with `emit` False
    has what is kept beside contacts follow it and tells nobody.

    Raises IntegrityError when another transaction took an address in the middle of it; then nothing was stored.
    """
    contacts = ContactRepository(session, tenant_id)
    outcomes: dict[int, UpsertResult] = {}
    events: list[NewEvent] = []
    waiting = dict(enumerate(changes))
    while waiting:
        plan = _plan(waiting, await _Existing.locked(contacts, list(waiting.values())))
        outcomes |= {number: UpsertResult(refused=error) for number, error in plan.refused.items()}
        if changed := [merged for merged in plan.updates.values() if merged.changed]:
            await contacts.update_many([merged.state for merged in changed])
        for number, merged in plan.updates.items():
            outcomes[number] = UpsertResult(contact_id=merged.state.id, changed=merged.changed)
            events += changed_events(merged, via)
        inserted = (
            await contacts.insert_many([merged.state for merged in plan.inserts.values()]) if plan.inserts else ()
        )
        for number, merged in plan.inserts.items():
            if merged.state.id in inserted:
                outcomes[number] = UpsertResult(contact_id=merged.state.id, created=True, changed=merged.changed)
                events.append(created_event(merged.state, via))
        # Those that lost the race to another transaction are there now: the next round updates them.
        waiting = {number: change for number, change in waiting.items() if number not in outcomes}
    if emit:
        await record(session, tenant_id, events)
    else:
        await contact_inbox_repository.follow(
            session, tenant_id, [silent for event in events if (silent := _silent(event)) is not None]
        )
    return [outcomes[number] for number in range(len(changes))]


def _silent(event: NewEvent) -> SilentChange | None:
    """What becomes of an event of which nobody is told; None: another one says the same."""
    if event.name not in (CREATED, UPDATED):
        return None
    return SilentChange(event.name, event.contact_id, event.properties.get("changed", ()))


class _Existing:
    """Stored contacts that some changes name, to be looked up by either of their names."""

    def __init__(self, rows: Iterable[ContactFields]) -> None:
        rows = list(rows)
        self._by_external_id = {row.external_id: row for row in rows if row.external_id is not None}
        self._by_email = {row.email: row for row in rows if row.email is not None}

    @classmethod
    async def locked(cls, contacts: ContactRepository, changes: Sequence[ContactPatch]) -> _Existing:
        """The contacts that these changes name, locked until the transaction ends."""
        external_ids = [change.external_id for change in changes if change.external_id is not None]
        emails = [change.email for change in changes if change.email is not None]
        return cls(await contacts.lock_matching(external_ids, emails))

    def named_by(self, change: ContactPatch) -> tuple[ContactFields | None, ContactFields | None]:
        """The contact with the external id of a change, and the one with its email."""
        of_external_id = self._by_external_id.get(change.external_id) if change.external_id is not None else None
        of_email = self._by_email.get(change.email) if change.email is not None else None
        return of_external_id, of_email


class _Plan(NamedTuple):
    """What is to be done with each change, by its number."""

    inserts: dict[int, Merged]
    updates: dict[int, Merged]
    refused: dict[int, Invalid | Conflict]


def _plan(changes: Mapping[int, ContactPatch], existing: _Existing) -> _Plan:
    plan = _Plan({}, {}, {})
    for number, change in changes.items():
        of_external_id, of_email = existing.named_by(change)
        stored = of_external_id or of_email
        before = stored or ContactFields(id=uuid7())
        merged = merging.merge(before, change)
        if (error := _conflict(change, of_external_id, of_email) or _unfit(before, merged)) is not None:
            plan.refused[number] = error
        else:
            (plan.inserts if stored is None else plan.updates)[number] = merged
    return plan


def _unfit(before: ContactFields, merged: Merged) -> Invalid | None:
    """Why the merged contact cannot be stored: too large, or too many of something."""
    refusal = merging.storage_refusal(before, merged.state)
    return None if refusal is None else Invalid(errors=[FieldError(path=refusal[0], message=refusal[1])])


def _conflict(change: ContactPatch, one: ContactFields | None, other: ContactFields | None) -> TwoContacts | None:
    if one is not None and other is not None and one.id != other.id:
        return TwoContacts(
            errors=[
                {"path": "externalId", "message": gettext("This belongs to contact %(id)s.", id=one.id)},
                {"path": "email", "message": gettext("This belongs to contact %(id)s.", id=other.id)},
            ]
        )
    if one is None and other is not None and other.external_id not in (None, change.external_id) and change.external_id:
        message = gettext(
            "This belongs to contact %(id)s, whose externalId is %(external_id)s.",
            id=other.id,
            external_id=other.external_id,
        )
        return TwoContacts(
            gettext(
                "The email belongs to a contact with another externalId (%(external_id)s).",
                external_id=other.external_id,
            ),
            errors=[{"path": "email", "message": message}],
        )
    return None


def created_event(state: ContactFields, via: str) -> NewEvent:
    """`contact.created`; `via` says by which door: api, import, page or event."""
    properties: dict[str, Any] = {"via": via}
    if state.source is not None:
        properties["source"] = state.source
    return NewEvent(name=CREATED, contact_id=state.id, properties=properties)


def changed_events(merged: Merged, via: str) -> list[NewEvent]:
    """`contact.updated`, `contact.attribute_changed` when attributes changed, `contact.unsubscribed` for each new no."""
    if not merged.changed:
        return []
    contact_id = merged.state.id
    properties = {"changed": list(merged.changed), "current": merged.current, "previous": merged.previous}
    events = [NewEvent(name=UPDATED, contact_id=contact_id, properties=properties)]
    if names := merged.attributes_changed:
        events.append(
            NewEvent(
                name="contact.attribute_changed",
                contact_id=contact_id,
                properties={
                    "changed": names,
                    "attributes": merged.current["attributes"],
                    "previous": merged.previous["attributes"],
                },
            )
        )
    return events + _withdrawals(merged, "admin" if via == "page" else "api")


def _withdrawals(merged: Merged, by: str) -> list[NewEvent]:
    """A withdrawal by API or form emits the same event as one by the link in a mail."""
    channels = {channel.word for channel in Channel}
    said_no = [name for name, allowed in merged.current.get("consent", {}).items() if allowed is False]
    return [
        unsubscribed_event(merged.state.id, by, "no_consent", channel=name)
        if name in channels
        else unsubscribed_event(merged.state.id, by, "no_topic_consent", name)
        for name in said_no
    ]
