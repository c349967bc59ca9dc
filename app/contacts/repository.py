"""All SQL of contacts but the timeline's and the imports': one contact, lists, and set-wise writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, or_, select

from app.contacts.merging import ContactFields
from app.lib import jsonlimits
from app.lib.addresses import lookup_form
from app.lib.database import execute
from app.models.contact import Contact
from app.models.tenant_repository import TenantRepository
from app.subscriptions import permission_filter
from app.values.contact_view import FIRST_NAME, LAST_NAME, WHOLE_NAME
from app.web.pagination import Page

_COLUMNS = "id, external_id, email, phone, source, timezone, locale, attributes, tags, consent"
NAME = func.concat_ws(" ", *(Contact.attributes[key].astext for key in (*WHOLE_NAME, *FIRST_NAME, *LAST_NAME)))
"""All that a name on a page may be made of, for the search."""


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


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _matches(term: str) -> Any:
    escaped = _escaped(term.lower())
    return or_(
        Contact.email.like(f"%{_escaped(lookup_form(term))}%"),
        func.lower(Contact.external_id).like(f"{escaped}%"),
        Contact.phone.like(f"{escaped}%"),
        func.lower(NAME).like(f"%{escaped}%"),
    )


class ContactRepository(TenantRepository[Contact]):
    """The contacts of a workspace. States are read and written set-wise, whole."""

    model = Contact

    async def common_tags(self) -> list[str]:
        """Tags of the newest contacts, the most used first: what a filter offers."""
        rows = await execute(
            self.session,
            """
            select tag from (
              select tags from contacts where tenant_id = %(tenant)s order by created_at desc, id desc limit 2000) c,
              unnest(c.tags) as tag
            group by tag order by count(*) desc, tag limit 50
            """,
            tenant=self.tenant_id,
        )
        return [row.tag for row in rows]

    async def get(self, contact_id: UUID) -> Contact | None:
        """The contact as it is in the database now."""
        return await self.get_one_or_none(Contact.id == contact_id, fresh=True)

    async def lock(self, contact_id: UUID) -> ContactFields | None:
        """The contact, locked until the end of the transaction."""
        rows = await execute(
            self.session,
            f"select {_COLUMNS} from contacts where id = %(id)s and tenant_id = %(tenant)s for update",  # noqa: S608
            id=contact_id,
            tenant=self.tenant_id,
        )
        return _state(rows[0]) if rows else None

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
            insert into contacts (tenant_id, {_COLUMNS}, created_at, updated_at)
            select %(tenant)s, s.id, s.external_id, s.email, s.phone, s.source, s.timezone, s.locale,
                   s.attributes::jsonb, {_TAGS}, s.consent::jsonb, (select clock_now()), (select clock_now())
            from {_SENT}
            on conflict do nothing
            returning id
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
            update contacts c set
              external_id = s.external_id, email = s.email, phone = s.phone, source = s.source, timezone = s.timezone,
              locale = s.locale, attributes = s.attributes::jsonb, tags = {_TAGS}, consent = s.consent::jsonb,
              updated_at = (select clock_now())
            from {_SENT}
            where c.id = s.id and c.tenant_id = %(tenant)s
            """,  # noqa: S608
            tenant=self.tenant_id,
            **_columns(states),
        )

    async def newest(
        self,
        cursor: str | None,
        limit: int,
        *,
        search: str = "",
        tags: Sequence[str] = (),
        source: str | None = None,
        email: str | None = None,
        external_id: str | None = None,
        permission: str | None = None,
    ) -> Page[Contact]:
        """A page of contacts, newest first. Every word of `search` must be in name, email, external id or phone."""
        filters = [_matches(term) for term in search.split()[:5]]
        if tags:
            filters.append(Contact.tags.contains(cast(list(tags), Contact.tags.type)))
        if source is not None:
            filters.append(Contact.source == source)
        if email is not None:
            filters.append(Contact.email == email)
        if external_id is not None:
            filters.append(Contact.external_id == external_id)
        if permission is not None:
            filters.append(permission_filter.matching(permission))
        return await self.page([Contact.created_at, Contact.id], cursor, limit, *filters, newest=True)

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
