"""Mails that carry a link to a person: written down in the transaction that makes the link, sent by `app.messaging.account_mail`.

The text is stored encrypted until it was sent, and deleted afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.invitation_repository import AccountMailRepository
from app.accounts.principal import Principal
from app.lib import clock, crypto, jobs
from app.lib.formats import moment_text
from app.lib.ids import uuid7
from app.lib.translation import gettext, using
from app.messaging.channels import registry
from app.messaging.channels.email.channel import EmailChannel
from app.models.invitation import AccountMail
from app.settings import settings


class Words(NamedTuple):
    """Subject and text of a mail."""

    subject: str
    text: str


class Posted(NamedTuple):
    """How far the latest mail about something has come: `sent_at`, or `error` when it was given up, or neither while it is tried."""

    sent_at: datetime | None
    waiting: bool
    error: str | None


async def can_mail(session: AsyncSession, tenant_id: int) -> bool:
    """Has the workspace a connector that brings mail to people? The mailbox inside the product does not: others read it too."""
    connectors, types = (
        await AccountMailRepository(session, tenant_id).connectors(EmailChannel.number),
        registry.connector_types(),
    )
    return any(
        one.state != "paused" and one.type in types and not types[one.type].is_local(one.config) for one in connectors
    )


async def post(
    session: AsyncSession, tenant_id: int, *, about: UUID, recipient: str, words: Words, expires_at: datetime
) -> None:
    """Write a mail down; a worker sends it after the commit. What was waiting about the same thing is dropped."""
    rows = AccountMailRepository(session, tenant_id)
    await rows.drop(about)
    mail_id = uuid7()
    sealed = crypto.seal(msgspec.json.encode(words), f"account-mail:{mail_id}")
    await rows.add(
        AccountMail(
            id=mail_id,
            about=about,
            recipient=recipient,
            sealed=sealed,
            due_at=clock.now(),
            expires_at=expires_at,
        )
    )
    jobs.enqueue(session, "send_account_mail")


async def drop(session: AsyncSession, tenant_id: int, about: UUID) -> None:
    """Forget the mails about something: they are not sent any more."""
    await AccountMailRepository(session, tenant_id).drop(about)


async def latest(session: AsyncSession, tenant_id: int, about: Iterable[UUID]) -> dict[UUID, Posted]:
    """How far the mails about these have come; those without a mail are left out."""
    rows = await AccountMailRepository(session, tenant_id).of(about)
    return {row.about: Posted(row.sent_at, row.due_at is not None, row.error) for row in rows}


def invitation_words(by: Principal, *, email: str, role: str, token: str, until: datetime) -> Words:
    """In the language of who invites: that of the person is not known yet."""
    values = {"name": by.name, "email": by.email, "workspace": by.workspace}
    paragraphs = (
        gettext(
            "%(name)s (%(email)s) invites you to the workspace %(workspace)s on Throughline, with the role %(role)s."
        )
        % (values | {"role": gettext(role)}),
        gettext("Open this link to accept:"),
        f"{settings().web.base_url}/invitation#{token}",
        gettext("It works once, for %(email)s only, until %(day)s.", email=email, day=_day(until)),
        gettext("If you did not expect this, ignore this email: nothing happens."),
    )
    return Words(gettext("%(name)s invites you to %(workspace)s on Throughline") % values, _text(paragraphs))


def link_words(by: Principal, *, token: str, until: datetime, language: str) -> Words:
    """In the language of the person, as the profile says."""
    values = {"name": by.name, "email": by.email, "workspace": by.workspace}
    with using(language):
        paragraphs = (
            gettext("%(name)s (%(email)s) asked for a link that signs you in to %(workspace)s on Throughline.")
            % values,
            gettext("Open it to sign in:"),
            f"{settings().web.base_url}/sign-in/link#{token}",
            gettext("It works once, until %(day)s. You were signed out everywhere when it was made.", day=_day(until)),
            gettext("If you did not ask %(name)s for it, do not open it, and tell an owner of the workspace.") % values,
        )
        return Words(gettext("Your sign-in link for Throughline"), _text(paragraphs))


def _text(paragraphs: Iterable[str]) -> str:
    return "\n\n".join(paragraphs) + "\n"


def _day(at: datetime) -> str:
    return moment_text(at, UTC, at, "day")
