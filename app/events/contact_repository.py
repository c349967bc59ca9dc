"""Whom an event is about: contacts found by id, external id or email, and new ones for addresses nobody has yet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib import ids
from app.lib.database import execute


class ContactRef(NamedTuple):
    """How an event names its contact: `by` is `id`, `external_id` or `email` (in lower case)."""

    tenant_id: int
    by: str
    value: str


class Created(NamedTuple):
    """Contacts by how they were named, and those of them that were made now as (workspace, contact)."""

    contact_ids: dict[ContactRef, UUID]
    new: list[tuple[int, UUID]]


MATCH = {
    "id": "c.id = w.value::uuid",
    "external_id": "c.external_id = w.value",
    "email": "c.email = w.value",
}
"""How a contact `c` is found by what a row `w` names it by."""


async def find(session: AsyncSession, refs: Collection[ContactRef]) -> dict[ContactRef, UUID]:
    """The contacts that exist, by how they were named."""
    contact_ids: dict[ContactRef, UUID] = {}
    for by, match in MATCH.items():
        some = [who for who in refs if who.by == by]
        if some:
            rows = await execute(
                session,
                f"""
                select w.tenant_id, w.value, c.id
                from unnest(%(tenants)b::int[], %(values)b::text[]) as w(tenant_id, value)
                cross join lateral (select c.id from contacts c where c.tenant_id = w.tenant_id and {match} offset 0) c
                """,  # noqa: S608
                tenants=[who.tenant_id for who in some],
                values=[who.value for who in some],
            )
            contact_ids |= {ContactRef(row.tenant_id, by, row.value): row.id for row in rows}
    return contact_ids


async def create(session: AsyncSession, refs: Sequence[ContactRef]) -> Created:
    """Make a contact for each external id and email. One that another transaction made in the meantime is found instead."""
    if not refs:
        return Created({}, [])
    # In one order everywhere, so that two transactions that make the same people cannot deadlock.
    ordered = sorted(refs)
    rows = await execute(
        session,
        """
        insert into contacts (id, tenant_id, external_id, email)
        select id, tenant_id, external_id, email
        from unnest(%(ids)b::uuid[], %(tenants)b::int[], %(external_ids)b::text[], %(emails)b::text[])
          as t(id, tenant_id, external_id, email)
        on conflict do nothing
        returning id, tenant_id, external_id, email
        """,
        ids=[UUID(bytes=raw) for raw in ids.uuid7_many(len(ordered))],
        tenants=[who.tenant_id for who in ordered],
        external_ids=[who.value if who.by == "external_id" else None for who in ordered],
        emails=[who.value if who.by == "email" else None for who in ordered],
    )
    created = {
        ContactRef(row.tenant_id, "external_id", row.external_id)
        if row.external_id is not None
        else ContactRef(row.tenant_id, "email", row.email): row.id
        for row in rows
    }
    existing = await find(session, [who for who in ordered if who not in created])
    return Created(created | existing, [(row.tenant_id, row.id) for row in rows])
