"""All SQL of contacts but the timeline's and the imports': one contact, lists, and set-wise writes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text, cast, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.contacts import permission_filter
from app.contacts.merging import State
from app.lib import jsonlimits
from app.lib.database import execute
from app.models.contact import Contact
from app.values.contact_view import FIRST_NAME, LAST_NAME, WHOLE_NAME

_COLUMNS = "id, external_id, email, phone, source, timezone, locale, attributes, tags, consent"
NAME = func.concat_ws(" ", *(Contact.attributes[key].astext for key in (*WHOLE_NAME, *FIRST_NAME, *LAST_NAME)))
"""All that a name on a page may be made of, for the search."""


def _state(row: Any) -> State:
    values = row._mapping
    return State(**{**values, "tags": tuple(values["tags"])})


async def get(session: AsyncSession, tenant_id: int, contact_id: UUID) -> Contact | None:
    found: Contact | None = await session.scalar(
        select(Contact)
        .where(Contact.id == contact_id, Contact.tenant_id == tenant_id)
        .execution_options(populate_existing=True)
    )
    return found


async def lock(session: AsyncSession, tenant_id: int, contact_id: UUID) -> State | None:
    """The contact, locked until the end of the transaction."""
    rows = await execute(
        session,
        f"select {_COLUMNS} from contacts where id = %(id)s and tenant_id = %(tenant)s for update",  # noqa: S608
        id=contact_id,
        tenant=tenant_id,
    )
    return _state(rows[0]) if rows else None


async def lock_matching(
    session: AsyncSession, tenant_id: int, external_ids: Sequence[str], emails: Sequence[str]
) -> list[State]:
    """Every contact with one of these external ids or emails, locked in the order of their ids.

    One index look-up each (`offset 0` keeps it so): with the stale statistics of a growing table the planner would
    otherwise scan the whole workspace for every batch of an import.
    """
    rows = await execute(
        session,
        f"""
        select {_COLUMNS} from contacts where id = any(array(
          select found.id from unnest(%(external_ids)b::text[]) as wanted(value)
          cross join lateral (
            select id from contacts where tenant_id = %(tenant)s and external_id = wanted.value offset 0
          ) found
          union
          select found.id from unnest(%(emails)b::text[]) as wanted(value)
          cross join lateral (
            select id from contacts where tenant_id = %(tenant)s and lower(email) = wanted.value offset 0
          ) found
        ))
        order by id for update
        """,  # noqa: S608
        tenant=tenant_id,
        external_ids=list(external_ids),
        emails=list(emails),
    )
    return [_state(row) for row in rows]


def _columns(states: Sequence[State]) -> dict[str, list[Any]]:
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


async def insert_many(session: AsyncSession, tenant_id: int, states: Sequence[State]) -> set[UUID]:
    """Insert new contacts; answers the ids of those that nobody else made in the meantime."""
    # One order for all, so that two transactions that make the same people cannot deadlock.
    ordered = sorted(states, key=lambda state: (state.external_id or "", state.email or ""))
    rows = await execute(
        session,
        f"""
        insert into contacts (tenant_id, {_COLUMNS})
        select %(tenant)s, s.id, s.external_id, s.email, s.phone, s.source, s.timezone, s.locale,
               s.attributes::jsonb, {_TAGS}, s.consent::jsonb
        from {_SENT}
        on conflict do nothing
        returning id
        """,  # noqa: S608
        tenant=tenant_id,
        **_columns(ordered),
    )
    return {row.id for row in rows}


async def update_many(session: AsyncSession, tenant_id: int, states: Sequence[State]) -> None:
    """Write whole states over rows that this transaction has locked."""
    await execute(
        session,
        f"""
        update contacts c set
          external_id = s.external_id, email = s.email, phone = s.phone, source = s.source, timezone = s.timezone,
          locale = s.locale, attributes = s.attributes::jsonb, tags = {_TAGS}, consent = s.consent::jsonb,
          updated_at = clock_now()
        from {_SENT}
        where c.id = s.id and c.tenant_id = %(tenant)s
        """,  # noqa: S608
        tenant=tenant_id,
        **_columns(states),
    )


def _matches(term: str) -> Any:
    escaped = term.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return or_(
        func.lower(Contact.email).like(f"%{escaped}%"),
        func.lower(Contact.external_id).like(f"{escaped}%"),
        Contact.phone.like(f"{escaped}%"),
        func.lower(NAME).like(f"%{escaped}%"),
    )


async def page(
    session: AsyncSession,
    tenant_id: int,
    *,
    search: str = "",
    tags: Sequence[str] = (),
    source: str | None = None,
    email: str | None = None,
    external_id: str | None = None,
    permission: str | None = None,
    after: tuple[datetime, UUID] | None = None,
    limit: int,
) -> Sequence[Contact]:
    """One contact more than `limit`, newest first. Every word of `search` must be in name, email, external id or phone."""
    query = select(Contact).where(Contact.tenant_id == tenant_id)
    for term in search.split()[:5]:
        query = query.where(_matches(term))
    if tags:
        query = query.where(Contact.tags.contains(cast(list(tags), Contact.tags.type)))
    if source is not None:
        query = query.where(Contact.source == source)
    if email is not None:
        query = query.where(func.lower(Contact.email) == email)
    if external_id is not None:
        query = query.where(Contact.external_id == external_id)
    if permission is not None:
        query = query.where(permission_filter.matching(permission))
    if after is not None:
        query = query.where(tuple_(Contact.created_at, Contact.id) < tuple_(*after))
    newest = query.order_by(Contact.created_at.desc(), Contact.id.desc()).limit(limit + 1)
    return (await session.scalars(newest)).all()


async def owners(session: AsyncSession, tenant_id: int, external_id: str | None, email: str | None) -> dict[str, UUID]:
    """Who has this external id and this email: by the name of the field."""
    found: dict[str, UUID] = {}
    for name, value, column in (
        ("externalId", external_id, Contact.external_id),
        ("email", email, func.lower(Contact.email)),
    ):
        owner = value and await session.scalar(
            select(Contact.id).where(Contact.tenant_id == tenant_id, cast(column, Text) == value)
        )
        if owner:
            found[name] = owner
    return found
