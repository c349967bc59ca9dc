"""Rules of invitations, by which every membership begins.

An invitation is for one address in one workspace, and its link is accepted once. The link gives access to that workspace only:
by itself it creates a new account, and it never signs in to an existing account. Who is signed in to an
account with the same address, or knows its password, may take the membership into that account instead.
(docs/decisions/0026-an-account-reaches-what-its-holder-was-invited-to.md says who can do what with which link.)
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import account_mail, repository, sessions, sign_in_links
from app.accounts.account_mail import Posted
from app.accounts.invitation_repository import InvitationRepository, invitation_by_token
from app.accounts.principal import Principal
from app.accounts.sign_in_links import LinkOver
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.lib import clock, crypto
from app.lib.formats import word_inside
from app.lib.translation import gettext
from app.models.invitation import Invitation
from app.models.status import Role
from app.models.user import Membership, User

log = structlog.get_logger()
LIFE = timedelta(days=7)
OPEN_AT_MOST = 500
"""Invitations that may be open in a workspace at a time."""


class AlreadyHere(Conflict):
    """Somebody with this address is in the workspace already. Sign in as that person."""

    code = "already_member"


class NewLink(NamedTuple):
    """An invitation link. `token` is None when it was mailed; then it is shown to nobody else."""

    email: str
    token: str | None


class Opened(NamedTuple):
    """What the holder of an invitation link may see of it."""

    id: UUID
    tenant_id: int
    workspace: str
    email: str
    name: str
    role: Role
    by: str
    """Name or address of the inviter; empty when it was the server, or when the user was deleted."""


class OpenInvitation(NamedTuple):
    """One line of the open invitations of a workspace."""

    id: UUID
    email: str
    name: str
    role: Role
    by: str
    made_at: datetime
    expires_at: datetime
    expired: bool
    mail: Posted | None
    """None: its link was shown to who invited."""


async def invite(
    session: AsyncSession, principal: Principal, *, email: str, name: str, role: Role, address: str
) -> NewLink:
    """Invite `email` (clean) to the principal's workspace. The caller has checked that the principal may grant `role`."""
    await repository.lock_workspace(session, principal.tenant_id)
    if await repository.member_by_email(session, principal.tenant_id, email):
        raise Invalid(errors=[{"path": "email", "message": gettext("This person is in the workspace already.")}])
    rows = InvitationRepository(session, principal.tenant_id)
    if await rows.exists(Invitation.email == email):
        text = gettext("This person is invited already. Send the invitation again from the list, or revoke it first.")
        raise Invalid(errors=[{"path": "email", "message": text}])
    if await rows.count() >= OPEN_AT_MOST:
        text = gettext(
            "%(open_at_most)s invitations are open. Revoke some that are no longer needed first.",
            open_at_most=OPEN_AT_MOST,
        )
        raise Invalid(errors=[{"path": "email", "message": text}])
    invitation = Invitation(tenant_id=principal.tenant_id, email=email, name=name, role=role.value)
    return await _hand_over(session, principal, invitation, address, show=False)


async def renew(
    session: AsyncSession, principal: Principal, invitation_id: UUID, *, show: bool, address: str
) -> NewLink:
    """Make a new link for an invitation and mail it; the old link stops working.

    `show` asks for the link itself. That is granted only where no mail reaches the person: without a connector, or when the last
    mail was given up.
    """
    await repository.lock_workspace(session, principal.tenant_id)
    invitation = await _one(session, principal, invitation_id)
    posted = (await account_mail.latest(session, principal.tenant_id, [invitation.id])).get(invitation.id)
    show = show and posted is not None and posted.error is not None
    return await _hand_over(session, principal, invitation, address, show=show)


async def _hand_over(
    session: AsyncSession, principal: Principal, invitation: Invitation, address: str, *, show: bool
) -> NewLink:
    """Give the invitation a new link, and send it by mail or let the principal see it."""
    token = secrets.token_urlsafe(32)
    mailed = not show and await account_mail.can_mail(session, principal.tenant_id)
    invitation.token_hash, invitation.mailed = crypto.fingerprint(token), mailed
    invitation.invited_by, invitation.expires_at = principal.user_id, clock.now() + LIFE
    invitation.updated_at = clock.now()
    session.add(invitation)
    await session.flush()
    if mailed:
        words = account_mail.invitation_words(
            principal, email=invitation.email, role=invitation.role, token=token, until=invitation.expires_at
        )
        await account_mail.post(
            session,
            principal.tenant_id,
            about=invitation.id,
            recipient=invitation.email,
            words=words,
            expires_at=invitation.expires_at,
        )
    else:
        await account_mail.drop(session, principal.tenant_id, invitation.id)
    log.info("invitation.made", mailed=mailed, role=invitation.role, **_who(principal, invitation.id, address))
    return NewLink(invitation.email, None if mailed else token)


async def for_server(session: AsyncSession, tenant_id: int, *, email: str, name: str, role: Role) -> str:
    """The token of an invitation by the operator; the link of an open one is replaced."""
    await repository.lock_workspace(session, tenant_id)
    token = secrets.token_urlsafe(32)
    rows = InvitationRepository(session, tenant_id)
    await rows.delete_where(Invitation.email == email)
    invitation = Invitation(
        tenant_id=tenant_id,
        email=email,
        name=name,
        role=role.value,
        token_hash=crypto.fingerprint(token),
        expires_at=clock.now() + LIFE,
    )
    await rows.add(invitation)
    log.info("invitation.made", by="server", role=role.value, invitation_id=str(invitation.id), tenant_id=tenant_id)
    return token


async def revoke(session: AsyncSession, principal: Principal, invitation_id: UUID, *, address: str) -> str:
    """End an invitation; its link is worth nothing from now on. Answers the address."""
    invitation = await _one(session, principal, invitation_id)
    await InvitationRepository(session, principal.tenant_id).delete(invitation)
    await account_mail.drop(session, principal.tenant_id, invitation.id)
    log.info("invitation.revoked", **_who(principal, invitation.id, address))
    return invitation.email


async def end_of(session: AsyncSession, tenant_id: int, user_id: UUID, *, keeps: Role | None) -> None:
    """A member left (`keeps` None) or has a lower role now: what they may no longer grant, their invitations do not either."""
    rows = InvitationRepository(session, tenant_id)
    for invitation in await rows.list(Invitation.invited_by == user_id):
        if keeps is None or not keeps.covers(Role(invitation.role)):
            await rows.delete(invitation)
            await account_mail.drop(session, tenant_id, invitation.id)
            log.info("invitation.ended_with_inviter", invitation_id=str(invitation.id), tenant_id=tenant_id)


async def listed(session: AsyncSession, tenant_id: int) -> list[OpenInvitation]:
    """The open invitations of a workspace, also those that ran out, the latest first."""
    rows = await InvitationRepository(session, tenant_id).with_inviters()
    mails = await account_mail.latest(session, tenant_id, [row[0].id for row in rows])
    now = clock.now()
    return [
        OpenInvitation(
            row.id, row.email, row.name, Role(row.role), by, row.updated_at, row.expires_at, row.expires_at <= now,
            mails.get(row.id),
        )
        for row, by in rows
    ]  # fmt: skip


async def opened(session: AsyncSession, token: str) -> Opened:
    """What a link is for; LinkOver when it is not for anything any more. It uses nothing up."""
    row = await invitation_by_token(session, crypto.fingerprint(token), clock.now())
    if row is None:
        raise LinkOver
    invitation, workspace, by = row
    return Opened(
        invitation.id, invitation.tenant_id, workspace, invitation.email, invitation.name, Role(invitation.role), by
    )


async def accept_new(session: AsyncSession, token: str, *, name: str, password_hash: str, address: str) -> UUID:
    """Use the link up for a new account that is a member of this workspace only. Of two at once, one gets LinkOver."""
    invitation = await _use_up(session, token)
    user = User(email=invitation.email, name=name, password_hash=password_hash, disabled_at=None)
    session.add(user)
    await session.flush()
    await _join(session, invitation, user.id, address, account="new")
    return user.id


async def accept_as(
    session: AsyncSession, token: str, user_id: UUID, *, session_id: UUID | None, address: str
) -> Opened:
    """Use the link up for an account that was there, with the same address. Forbidden for any other.

    Whoever else can use the account, for example by a link that an admin elsewhere made for it, must not come along: all its links
    and its sessions but `session_id` end.
    """
    user = await session.get_one(User, user_id)
    invitation = await _use_up(session, token)
    if user.email != invitation.email or user.disabled_at is not None:
        raise Forbidden(gettext("This invitation is for %(email)s.", email=invitation.email))
    await sign_in_links.end_links(session, user_id)
    await sessions.end_others(session, user_id, session_id)
    await _join(session, invitation, user_id, address, account="known")
    return invitation


async def _use_up(session: AsyncSession, token: str) -> Opened:
    invitation = await opened(session, token)
    await repository.lock_workspace(session, invitation.tenant_id)
    same = (Invitation.id == invitation.id, Invitation.token_hash == crypto.fingerprint(token))
    if not await InvitationRepository(session, invitation.tenant_id).delete_where(*same):
        raise LinkOver
    if await repository.member_by_email(session, invitation.tenant_id, invitation.email):
        raise AlreadyHere
    await account_mail.drop(session, invitation.tenant_id, invitation.id)
    return invitation


async def _join(session: AsyncSession, invitation: Opened, user_id: UUID, address: str, *, account: str) -> None:
    session.add(Membership(tenant_id=invitation.tenant_id, user_id=user_id, role=invitation.role.value))
    await session.flush()
    log.info(
        "invitation.accepted",
        invitation_id=str(invitation.id),
        tenant_id=invitation.tenant_id,
        user_id=str(user_id),
        role=invitation.role.value,
        account=account,
        address=address,
    )


async def _one(session: AsyncSession, principal: Principal, invitation_id: UUID) -> Invitation:
    rows = InvitationRepository(session, principal.tenant_id)
    invitation = await rows.get_one_or_none(Invitation.id == invitation_id, lock=True)
    if invitation is None:
        raise NotFound
    if not principal.role.covers(Role(invitation.role)):
        raise Forbidden(
            gettext(
                "Only an owner may do this to an invitation of an %(role)s.",
                role=word_inside(invitation.role, noun=True),
            )
        )
    return invitation


def _who(principal: Principal, invitation_id: UUID, address: str) -> dict[str, str | int]:
    return {
        "by": str(principal.id),
        "invitation_id": str(invitation_id),
        "tenant_id": principal.tenant_id,
        "address": address,
    }
