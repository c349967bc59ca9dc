"""What people and programs do with contacts. Every change that is one is also an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.contacts import erasure_repository, fields, merging
from app.contacts.attribute_columns import MOST_ATTRIBUTES, NOTED
from app.contacts.fields import ContactPatch
from app.contacts.history_repository import ContactHistory, EnterableWorkflows
from app.contacts.known_name_repository import attribute_names
from app.contacts.label_repository import LabelRepository
from app.contacts.list_columns import ATTRIBUTES
from app.contacts.list_repository import ContactFilter, ContactLists
from app.contacts.repository import ContactRepository
from app.contacts.schemas import ContactIn
from app.contacts.upserting import changed_events, upsert_many
from app.errors import Conflict, FieldError, Invalid, NotFound
from app.events.record import record
from app.history_start_repository import HistoryStartRepository
from app.lib import clock
from app.lib.addresses import comparable
from app.lib.translation import gettext
from app.models.contact import Contact
from app.models.segment import Segment
from app.segment_member_repository import StaticSegments
from app.subscriptions import suppression_repository
from app.subscriptions.permission import Permission, facts_of, permission
from app.web.pagination import Page, clamp_limit

MAX_TRIES = 3


class NoContact(NotFound):
    """There is no such contact in this workspace. It may have been deleted."""

    code = "contact_not_found"


class AddressTaken(Conflict):
    """This address belongs to another contact. Each external id and each email belongs to one."""

    code = "identity_conflict"


class ContactService:
    def __init__(self, session: AsyncSession, principal: Principal) -> None:
        self.session, self.principal = session, principal
        self.rows = ContactRepository(session, principal.tenant_id)
        self.lists = ContactLists(session, principal.tenant_id)
        self.labels = LabelRepository(session, principal.tenant_id)
        self.workflows = EnterableWorkflows(session, principal.tenant_id)
        self.history_starts = HistoryStartRepository(session, principal.tenant_id)
        self.tenant_id = principal.tenant_id

    async def get(self, contact_id: UUID) -> Contact:
        """The contact; NoContact when it is not in this workspace."""
        contact = await self.rows.get(contact_id)
        if contact is None:
            raise NoContact
        return contact

    async def attribute_columns(self, *, noted: bool = False) -> dict[str, str]:
        """Attributes that the data is known to have, as columns of a list: what each is called, by the key of its column.

        `noted`: those that were known a minute ago will do.
        """
        names, labels = NOTED.of(self.tenant_id) if noted else None, await self.labels.by_name()
        if names is None:
            names = sorted(await attribute_names(self.session, self.tenant_id) or ())[:MOST_ATTRIBUTES]
            NOTED.note(self.tenant_id, names)
        return {f"{ATTRIBUTES}{name}": labels.get(name, name) for name in names}

    def history(self, contact: Contact) -> ContactHistory:
        """What happened to a contact, for its page."""
        return ContactHistory(self.session, self.tenant_id, contact.id)

    async def list(
        self, wanted: ContactFilter, *, limit: int | None = None, cursor: str | None = None
    ) -> Page[Contact]:
        """Contacts in the order that is wanted. A page may end before it is full, when it looked at many that do not fit."""
        wanted = wanted._replace(
            search=wanted.search.replace("\0", ""),
            tags=[tag.replace("\0", "") for tag in wanted.tags],
            email=None if wanted.email is None else comparable(wanted.email),
            permission=wanted.permission or None,
        )
        return await self.lists.page_of(cursor, clamp_limit(limit), wanted)

    async def permissions(self, contacts: Sequence[Contact]) -> dict[UUID, Permission]:
        """May mail go to each of these contacts now? One query, whatever their number."""
        emails = [contact.email for contact in contacts]
        listed = await suppression_repository.listed(self.session, self.tenant_id, emails)
        return {
            contact.id: permission(facts_of(contact, listed.get(comparable(contact.email or ""))))
            for contact in contacts
        }

    async def static_segments(self) -> Sequence[Segment]:
        """What contacts can be put into, by name."""
        return await StaticSegments(self.session, self.tenant_id).by_name()

    async def upsert(self, sent: ContactIn, *, via: str = "api") -> tuple[Contact, bool]:
        """Create the contact or update the one with this externalId or email; True when it is new."""
        change = _cleaned(sent, self.principal)
        if change.external_id is None and change.email is None:
            problem: FieldError = {"path": "externalId", "message": gettext("Send an externalId or an email, or both.")}
            raise Invalid(gettext("A contact needs an externalId or an email."), errors=[problem])
        for attempt in range(MAX_TRIES):
            try:
                async with self.session.begin_nested():
                    (outcome,) = await upsert_many(self.session, self.tenant_id, [change], via=via)
                break
            except IntegrityError:  # another request took the address just now: the next look finds its contact
                if attempt == MAX_TRIES - 1:
                    await self._taken(change, None)
        if outcome.refused is not None or outcome.contact_id is None:
            raise outcome.refused or NoContact
        return await self.get(outcome.contact_id), outcome.created

    async def create(self, sent: ContactIn, *, via: str) -> Contact:
        """Make a new contact; AddressTaken when its externalId or email is known."""
        change = _cleaned(sent, self.principal)
        if await self.rows.owners(change.external_id, change.email):
            await self._taken(change, None)
        contact, _ = await self.upsert(sent, via=via)
        return contact

    async def patch(self, contact_id: UUID, sent: ContactIn) -> Contact:
        """Change one contact."""
        change = _cleaned(sent, self.principal)
        state = await self.rows.lock(contact_id)
        if state is None:
            raise NoContact
        merged = merging.merge(state, change)
        if unfit := merging.storage_refusal(state, merged.state):
            raise Invalid(errors=[{"path": unfit[0], "message": unfit[1]}])
        if merged.changed:
            try:
                async with self.session.begin_nested():
                    await self.rows.update_many([merged.state])
            except IntegrityError:
                await self._taken(change, contact_id)
            via = "api" if self.principal.kind == "key" else "page"
            await record(self.session, self.tenant_id, changed_events(merged, via))
        return await self.get(contact_id)

    async def erase(self, contact_id: UUID) -> None:
        """Delete the contact and what is known about it; the engine cancels its runs (docs/decisions/0010-erasing-a-contact.md)."""
        if not await erasure_repository.erase(self.session, self.tenant_id, contact_id, clock.now()):
            raise NoContact

    async def _taken(self, change: ContactPatch, contact_id: UUID | None) -> NoReturn:
        owners = await self.rows.owners(change.external_id, change.email)
        raise AddressTaken(
            errors=[
                {"path": path, "message": gettext("This belongs to contact %(owner)s.", owner=owner)}
                for path, owner in owners.items()
                if owner != contact_id
            ]
        )


def _cleaned(sent: ContactIn, principal: Principal) -> ContactPatch:
    change, field_errors = fields.clean(sent, principal.country)
    if field_errors:
        raise Invalid(gettext("Nothing was stored. Look at `errors` for what to change."), errors=field_errors)
    return change
