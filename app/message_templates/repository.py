"""All SQL of templates, and of what their editor offers."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.addresses import comparable
from app.models import Contact, Template


async def template(session: AsyncSession, tenant_id: int, template_id: UUID) -> Template | None:
    query = select(Template).where(Template.tenant_id == tenant_id, Template.id == template_id)
    return (await session.scalars(query)).first()


async def lock_template(session: AsyncSession, tenant_id: int, template_id: UUID) -> Template | None:
    """The template, held so that nothing is published with it meanwhile."""
    query = select(Template).where(Template.tenant_id == tenant_id, Template.id == template_id).with_for_update()
    return (await session.scalars(query)).first()


async def template_named(session: AsyncSession, tenant_id: int, name: str) -> Template | None:
    query = select(Template).where(Template.tenant_id == tenant_id, Template.name == name)
    return (await session.scalars(query)).first()


async def templates(
    session: AsyncSession,
    tenant_id: int,
    limit: int,
    *,
    search: str = "",
    after: tuple[str, UUID] | None = None,
) -> Sequence[Template]:
    """Up to `limit` templates by name, from the one after `after`."""
    query = select(Template).where(Template.tenant_id == tenant_id).order_by(Template.name, Template.id).limit(limit)
    if search:
        query = query.where(
            Template.name.icontains(search, autoescape=True) | Template.subject.icontains(search, autoescape=True)
        )
    if after:
        query = query.where(tuple_(Template.name, Template.id) > tuple_(*after))
    return (await session.scalars(query)).all()


async def contact_known_as(session: AsyncSession, tenant_id: int, known_as: str) -> Contact | None:
    """The contact with this address, external id or id."""
    same = [func.lower(Contact.email) == comparable(known_as), Contact.external_id == known_as]
    with contextlib.suppress(ValueError):
        same.append(Contact.id == UUID(known_as))
    query = select(Contact).where(Contact.tenant_id == tenant_id, or_(*same)).limit(1)
    return (await session.scalars(query)).first()


async def some_addresses(session: AsyncSession, tenant_id: int, limit: int = 50) -> Sequence[str]:
    """Addresses of the newest contacts, to choose a preview from."""
    query = (
        select(Contact.email)
        .where(Contact.tenant_id == tenant_id, Contact.email.is_not(None))
        .order_by(Contact.created_at.desc(), Contact.id.desc())
        .limit(limit)
    )
    return [email for email in (await session.scalars(query)).all() if email]


async def attribute_names(session: AsyncSession, tenant_id: int) -> Sequence[str]:
    """Names of attributes that the newest contacts have, for the insert menu."""
    newest = (
        select(Contact.attributes)
        .where(Contact.tenant_id == tenant_id)
        .order_by(Contact.created_at.desc(), Contact.id.desc())
        .limit(200)
        .subquery()
    )
    names = select(func.jsonb_object_keys(newest.c.attributes).label("name")).subquery()
    query = select(names.c.name).group_by(names.c.name).order_by(func.count().desc(), names.c.name).limit(12)
    return (await session.scalars(query)).all()
