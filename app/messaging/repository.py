"""All SQL of templates, messages, suppressions and the mailbox, but for the set-based SQL of sending (`ledger`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import String, and_, cast, delete, exists, func, or_, select, tuple_, type_coerce, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import Contact, MailboxMessage, Message, Suppression, Template, Workflow, WorkflowVersion

MessageKey = tuple[UUID, int]


async def template(session: AsyncSession, tenant_id: int, template_id: UUID) -> Template | None:
    query = select(Template).where(Template.tenant_id == tenant_id, Template.id == template_id)
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


async def workflows_using(session: AsyncSession, tenant_id: int, template_id: UUID) -> Sequence[str]:
    """Names of the workflows, archived ones aside, whose draft or live version names the template."""
    mark = f"%{template_id}%"
    live = exists().where(
        WorkflowVersion.workflow_id == Workflow.id,
        WorkflowVersion.version == Workflow.live_version,
        cast(WorkflowVersion.graph, String).like(mark),
    )
    query = (
        select(Workflow.name)
        .where(
            Workflow.tenant_id == tenant_id,
            Workflow.deleted_at.is_(None),
            Workflow.status != "archived",
            or_(cast(Workflow.draft, String).like(mark), live),
        )
        .order_by(Workflow.name)
        .limit(5)
    )
    return (await session.scalars(query)).all()


async def message(session: AsyncSession, tenant_id: int, key: MessageKey) -> Message | None:
    query = select(Message).where(Message.tenant_id == tenant_id, Message.run_id == key[0], Message.seq == key[1])
    return (await session.scalars(query)).first()


async def lock_message(session: AsyncSession, tenant_id: int, key: MessageKey) -> Message | None:
    query = (
        select(Message)
        .where(Message.tenant_id == tenant_id, Message.run_id == key[0], Message.seq == key[1])
        .with_for_update()
    )
    return (await session.scalars(query)).first()


async def messages(
    session: AsyncSession, tenant_id: int, limit: int, *, after: MessageKey | None = None, **equal: Any
) -> Sequence[Message]:
    """Up to `limit` messages, those of the newest runs first, where the columns in `equal` have those values."""
    query = (
        select(Message)
        .where(Message.tenant_id == tenant_id)
        .order_by(Message.run_id.desc(), Message.seq.desc())
        .limit(limit)
    )
    for column, value in equal.items():
        if value is not None:
            query = query.where(getattr(Message, column) == value)
    if after:
        query = query.where(tuple_(Message.run_id, Message.seq) < tuple_(*after))
    return (await session.scalars(query)).all()


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


async def suppression(session: AsyncSession, tenant_id: int, channel: int, address: str) -> Suppression | None:
    query = select(Suppression).where(
        Suppression.tenant_id == tenant_id, Suppression.channel == channel, Suppression.address == address.lower()
    )
    return (await session.scalars(query)).first()


async def suppress(session: AsyncSession, tenant_id: int, channel: int, address: str, reason: str) -> None:
    """Put an address on the list; a reason that is there already stays."""
    await session.execute(
        insert(Suppression)
        .values(tenant_id=tenant_id, channel=channel, address=address.lower(), reason=reason)
        .on_conflict_do_nothing()
    )


async def lift_suppression(session: AsyncSession, tenant_id: int, channel: int, address: str, reason: str) -> None:
    """Take an address off the list, if it is there for `reason`."""
    await session.execute(
        delete(Suppression).where(
            Suppression.tenant_id == tenant_id,
            Suppression.channel == channel,
            Suppression.address == address.lower(),
            Suppression.reason == reason,
        )
    )


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
