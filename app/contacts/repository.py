"""SQL of contacts: one contact, and set-wise writes. Lists, the timeline and imports have repositories of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, select

from app.contacts import tag_repository
from app.contacts.merging import ContactFields
from app.lib import jsonlimits
from app.lib.database import execute
from app.models.contact import Contact
from app.models.tenant_repository import TenantRepository

_COLUMNS = "id, external_id, email, phone, source, timezone, locale, attributes, tags, consent"


def _state(row: Any) -> ContactFields:
    values = row._mapping
    return ContactFields(**{**values, "tags": tuple(values["tags"])})


def _columns(states: Sequence[ContactFields]) -> dict[str, list[Any]]:
    return {
        "id": [state.id for state in states],
        **{
            name: [getattr(state, name) for state in states]
            for name in ("external_id", "email", "phone", "source", "timezone", "locale")
        },
        "attributes": [jsonlimits.encode(state.attributes).decode() for state in states],
        "tags": [jsonlimits.encode(state.tags).decode() for state in states],
        "consent": [jsonlimits.encode(state.consent).decode() for state in states],
    }


_SENT = """
unnest(%(id)b::uuid[], %(external_id)b::text[], %(email)b::text[], %(phone)b::text[], %(source)b::text[],
       %(timezone)b::text[], %(locale)b::text[], %(attributes)b::text[], %(tags)b::text[], %(consent)b::text[])
  as s(id, external_id, email, phone, source, timezone, locale, attributes, tags, consent)
"""
_TAGS = "array(select jsonb_array_elements_text(s.tags::jsonb))"


class ContactRepository(TenantRepository[Contact]):
    """The contacts of a workspace. States are read and written set-wise, whole."""

    model = Contact

    async def get(self, contact_id: UUID) -> Contact | None:
        """The contact as it is in the database now."""
        return await self.get_one_or_none(Contact.id == contact_id, fresh=True)

    async def with_external_id(self, external_id: str) -> UUID | None:
        """The contact that is called so."""
        query = select(Contact.id).where(self.own, Contact.external_id == external_id)
        contact_id: UUID | None = await self.session.scalar(query)
        return contact_id

    async def lock(self, contact_id: UUID) -> ContactFields | None:
        """The contact, locked until the end of the transaction."""
        rows = await execute(
            self.session,
            f"select {_COLUMNS} from contacts where id = %(id)s and tenant_id = %(tenant)s for update",  # noqa: S608
            id=contact_id,
            tenant=self.tenant_id,
        )
        return _state(rows[0]) if rows else None

    async def lock_many(self, contact_ids: Sequence[UUID]) -> list[ContactFields]:
        """Those of these contacts that are there, locked in the order of their ids until the end of the transaction."""
        rows = await execute(
            self.session,
            f"select {_COLUMNS} from contacts where tenant_id = %(tenant)s and id = any(%(ids)s::uuid[]) order by id for update",  # noqa: S608
            tenant=self.tenant_id,
            ids=list(contact_ids),
        )
        return [_state(row) for row in rows]

    async def lock_matching(self, external_ids: Sequence[str], emails: Sequence[str]) -> list[ContactFields]:
        """Every contact with one of these external ids or emails, locked in the order of their ids.

        One index look-up each (`offset 0` keeps it so): with the stale statistics of a growing table the planner would
        otherwise scan the whole workspace for every batch of an import.
        """
        rows = await execute(
            self.session,
            f"""
            select {_COLUMNS} from contacts where tenant_id = %(tenant)s and id = any(array(
              select found.id from unnest(%(external_ids)b::text[]) as wanted(value)
              cross join lateral (
                select id from contacts where tenant_id = %(tenant)s and external_id = wanted.value offset 0
              ) found
              union
              select found.id from unnest(%(emails)b::text[]) as wanted(value)
              cross join lateral (
                select id from contacts where tenant_id = %(tenant)s and email = wanted.value offset 0
              ) found
            ))
            order by id for update
            """,  # noqa: S608
            tenant=self.tenant_id,
            external_ids=list(external_ids),
            emails=list(emails),
        )
        return [_state(row) for row in rows]

    async def insert_many(self, states: Sequence[ContactFields]) -> set[UUID]:
        """Insert new contacts; answers the ids of those that nobody else made in the meantime."""
        # One order for all, so that two transactions that make the same people cannot deadlock.
        ordered = sorted(states, key=lambda state: (state.external_id or "", state.email or ""))
        rows = await execute(
            self.session,
            f"""
            with inserted as (
              insert into contacts (tenant_id, {_COLUMNS}, created_at, updated_at)
              select %(tenant)s, s.id, s.external_id, s.email, s.phone, s.source, s.timezone, s.locale,
                     s.attributes::jsonb, {_TAGS}, s.consent::jsonb, (select clock_now()), (select clock_now())
              from {_SENT}
              on conflict do nothing
              returning tenant_id, created_at, id, tags
            ), {tag_repository.INSERTED}
            select id from inserted
            """,  # noqa: S608
            tenant=self.tenant_id,
            **_columns(ordered),
        )
        return {row.id for row in rows}

    async def update_many(self, states: Sequence[ContactFields]) -> None:
        """Write whole states over rows that this transaction has locked."""
        await execute(
            self.session,
            f"""
            with updated as (
              update contacts c set
                external_id = s.external_id, email = s.email, phone = s.phone, source = s.source, timezone = s.timezone,
                locale = s.locale, attributes = s.attributes::jsonb, tags = {_TAGS}, consent = s.consent::jsonb,
                updated_at = (select clock_now())
              from {_SENT} cross join lateral (
                select tags from contacts o where o.tenant_id = %(tenant)s and o.id = s.id offset 0) o
              where c.id = s.id and c.tenant_id = %(tenant)s
              returning c.tenant_id, c.created_at, c.id, o.tags as before, c.tags as after
            ), {tag_repository.UPDATED}
            select count(*) from updated
            """,  # noqa: S608
            tenant=self.tenant_id,
            **_columns(states),
        )

    async def owners(self, external_id: str | None, email: str | None) -> dict[str, UUID]:
        """Who has this external id and this email: by the name of the field."""
        owner_ids: dict[str, UUID] = {}
        for name, value, column in (
            ("externalId", external_id, Contact.external_id),
            ("email", email, Contact.email),
        ):
            owner = value and await self.session.scalar(select(Contact.id).where(self.own, cast(column, Text) == value))
            if owner:
                owner_ids[name] = owner
        return owner_ids

    async def phones(self, phone: str) -> Sequence[UUID]:
        """Contacts with this phone number, two at most."""
        return (await self.session.scalars(select(Contact.id).where(self.own, Contact.phone == phone).limit(2))).all()
