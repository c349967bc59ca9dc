"""All SQL of templates, messages and the mailbox, but for the set-based SQL of sending (`ledger`)."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from app.connectors.releases import release_now_or_soon
from app.lib.addresses import comparable
from app.models import Connector, Contact, MailboxMessage, Message, Template, Workflow

MessageKey = tuple[UUID, int]


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


async def existing_templates(session: AsyncSession, tenant_id: int, ids: Sequence[UUID]) -> set[UUID]:
    """Those of `ids` that are templates of the workspace."""
    query = select(Template.id).where(Template.tenant_id == tenant_id, Template.id.in_(ids))
    return set((await session.scalars(query)).all())


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


async def message(session: AsyncSession, tenant_id: int, key: MessageKey) -> Message | None:
    query = select(Message).where(Message.tenant_id == tenant_id, Message.run_id == key[0], Message.seq == key[1])
    return (await session.scalars(query)).first()


async def messages(
    session: AsyncSession,
    tenant_id: int,
    limit: int,
    *,
    after: MessageKey | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    **equal: Any,
) -> Sequence[Message]:
    """Up to `limit` messages, those of the newest runs first, where the columns in `equal` have those values.

    `since` and `until` are about when they came to their end.
    """
    query = (
        select(Message)
        .where(Message.tenant_id == tenant_id)
        .order_by(Message.run_id.desc(), Message.seq.desc())
        .limit(limit)
    )
    for column, value in equal.items():
        if value is not None:
            query = query.where(getattr(Message, column) == value)
    if since:
        query = query.where(Message.settled_at >= since)
    if until:
        query = query.where(Message.settled_at <= until)
    if after:
        query = query.where(tuple_(Message.run_id, Message.seq) < tuple_(*after))
    return (await session.scalars(query)).all()


async def free_messages_of_workflow(session: AsyncSession, tenant_id: int, workflow_id: UUID) -> None:
    """Make due again what was held because the workflow was paused."""
    await release_now_or_soon(session, tenant_id, "workflow", workflow_id)


async def contact(session: AsyncSession, tenant_id: int, contact_id: UUID) -> Contact | None:
    query = select(Contact).where(Contact.tenant_id == tenant_id, Contact.id == contact_id)
    return (await session.scalars(query)).first()


async def merge_consent(session: AsyncSession, tenant_id: int, contact_id: UUID, wanted: dict[str, bool]) -> bool:
    """Merge `wanted` into the consent of a contact, in SQL so that no other change is lost. Did it change anything?"""
    patch = type_coerce(wanted, JSONB)
    done = await session.execute(
        update(Contact)
        .where(Contact.tenant_id == tenant_id, Contact.id == contact_id, ~Contact.consent.contains(patch))
        .values(consent=Contact.consent.op("||")(patch))
        .returning(Contact.id)
        .execution_options(synchronize_session=False)
    )
    return done.first() is not None


async def mailbox(
    session: AsyncSession, tenant_id: int, limit: int, *, search: str = "", before: UUID | None = None
) -> Sequence[MailboxMessage]:
    """Up to `limit` mails of the local mailbox, newest first; `search` looks at recipient and subject."""
    query = (
        select(MailboxMessage)
        .where(MailboxMessage.tenant_id == tenant_id)
        .order_by(MailboxMessage.id.desc())
        .limit(limit)
    )
    if search:
        query = query.where(
            func.array_to_string(MailboxMessage.recipients, " ").icontains(search, autoescape=True)
            | MailboxMessage.subject.icontains(search, autoescape=True)
        )
    if before:
        query = query.where(MailboxMessage.id < before)
    return (await session.scalars(query)).all()


async def mail(session: AsyncSession, tenant_id: int, mail_id: UUID) -> MailboxMessage | None:
    query = select(MailboxMessage).where(and_(MailboxMessage.tenant_id == tenant_id, MailboxMessage.id == mail_id))
    return (await session.scalars(query)).first()


async def count_mailbox(session: AsyncSession, tenant_id: int) -> int:
    query = select(func.count()).select_from(MailboxMessage).where(MailboxMessage.tenant_id == tenant_id)
    return (await session.scalars(query)).one()


async def clear_mailbox(session: AsyncSession, tenant_id: int) -> None:
    await session.execute(delete(MailboxMessage).where(MailboxMessage.tenant_id == tenant_id))


async def mail_called(session: AsyncSession, tenant_id: int, message_id: str) -> MailboxMessage | None:
    """The newest mail of the local mailbox with this Message-ID."""
    query = (
        select(MailboxMessage)
        .where(MailboxMessage.tenant_id == tenant_id, MailboxMessage.message_id == message_id)
        .order_by(MailboxMessage.id.desc())
        .limit(1)
    )
    return (await session.scalars(query)).first()


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


async def workflow_names(session: AsyncSession, tenant_id: int, ids: set[UUID]) -> dict[UUID, str]:
    query = select(Workflow.id, Workflow.name).where(Workflow.tenant_id == tenant_id, Workflow.id.in_(ids))
    return {row[0]: row[1] for row in (await session.execute(query)).all()}


async def sending_workflows(session: AsyncSession, tenant_id: int) -> list[tuple[str, str]]:
    """Workflows to filter by: id and name, those that were ever published."""
    query = (
        select(Workflow.id, Workflow.name)
        .where(Workflow.tenant_id == tenant_id, Workflow.deleted_at.is_(None), Workflow.live_version.is_not(None))
        .order_by(Workflow.name)
        .limit(200)
    )
    return [(str(row[0]), row[1]) for row in (await session.execute(query)).all()]


async def connector_names(session: AsyncSession, tenant_id: int) -> list[tuple[str, str]]:
    """Connectors to filter by: id and name."""
    query = (
        select(Connector.id, Connector.name).where(Connector.tenant_id == tenant_id).order_by(Connector.name).limit(100)
    )
    return [(str(row[0]), row[1]) for row in (await session.execute(query)).all()]


async def reasons(session: AsyncSession, tenant_id: int) -> Sequence[str]:
    """Why messages failed or are uncertain, of the latest thousand: to filter by."""
    latest = (
        select(Message.reason)
        .where(Message.tenant_id == tenant_id, Message.status.in_((8, 9)))
        .order_by(Message.settled_at.desc())
        .limit(1_000)
        .subquery()
    )
    query = select(latest.c.reason).where(latest.c.reason.is_not(None)).distinct().order_by(latest.c.reason)
    return (await session.scalars(query)).all()


async def addresses(session: AsyncSession, tenant_id: int, ids: set[UUID]) -> dict[UUID, str]:
    """Addresses of contacts by id, for messages that were not addressed yet."""
    query = select(Contact.id, func.coalesce(Contact.email, Contact.external_id, "")).where(
        Contact.tenant_id == tenant_id, Contact.id.in_(ids)
    )
    return {row[0]: row[1] for row in (await session.execute(query)).all()}
