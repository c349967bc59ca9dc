"""Workspaces and the people in them: who may add, change and remove whom.

An admin manages everybody but owners; only an owner makes or unmakes owners; a workspace always keeps one owner.
"""

from __future__ import annotations

import re
import zoneinfo
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import keys, passwords, repository, sessions
from app.accounts.principal import Principal
from app.accounts.repository import Member
from app.errors import Complaint, Conflict, Forbidden, Invalid, NotFound
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace
from app.settings import settings
from app.values import contact_fields

_EMAIL = re.compile(r"[^@\s<>\"',;]{1,64}@[^@\s<>\"',;]{1,190}")


class LastOwner(Conflict):
    """A workspace needs an owner. Make somebody else owner first."""

    code = "last_owner"


class FirstAdmin(NamedTuple):
    """The owner that the product starts with."""

    user_id: UUID
    tenant_id: int
    email: str
    created: bool


class Invitation(NamedTuple):
    """Somebody who was added; `token` of a one-time link is there only for people new to the whole installation."""

    user_id: UUID
    email: str
    token: str | None


def clean_email(email: str, *, path: str = "email") -> str:
    """The address as it is stored: trimmed and in lower case. Invalid when it cannot be one."""
    email = email.strip().lower()
    if not _EMAIL.fullmatch(email):
        raise Invalid(errors=[{"path": path, "message": "Send an email address like name@company.example."}])
    return email


def _clean_name(name: str, path: str = "name") -> str:
    name = " ".join(name.split())
    if len(name) > 100:
        raise Invalid(errors=[{"path": path, "message": "Use at most 100 characters."}])
    return name


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Invalid(errors=[{"path": "role", "message": f"Choose one of {', '.join(Role)}."}]) from None


async def create_workspace(
    session: AsyncSession, name: str, *, slug: str | None = None, timezone: str = "UTC"
) -> Workspace:
    """A new workspace. The slug is made from the name when none is given."""
    name = _clean_name(name)
    if not name:
        raise Invalid(errors=[{"path": "name", "message": "Give the workspace a name."}])
    made = re.sub(r"[^a-z0-9]+", "-", (slug or name).lower()).strip("-")[:48] or "workspace"
    row = Workspace(
        name=name, slug=await repository.free_slug(session, made), timezone=check_timezone(timezone), settings={}
    )
    session.add(row)
    await session.flush()
    return row


async def create_user(
    session: AsyncSession, email: str, *, name: str = "", password: str | None = None, tenant_id: int, role: Role | str
) -> User:
    """Add a person to a workspace, making the user when the email is new. For the command line and the first start.

    An existing user keeps name and password and only gets the membership.
    """
    email, wanted = clean_email(email), _role(role)
    user = await repository.user_by_email(session, email)
    if user is None:
        secret = await passwords.hashed(passwords.check(password, email)) if password else None
        user = User(email=email, name=_clean_name(name), password_hash=secret, disabled_at=None)
        session.add(user)
        await session.flush()
    member = await repository.membership(session, tenant_id, user.id)
    if member is None:
        session.add(Membership(tenant_id=tenant_id, user_id=user.id, role=wanted.value))
    else:
        member.role = wanted.value
    await session.flush()
    return user


async def ensure_first_admin(session: AsyncSession) -> FirstAdmin | None:
    """Make the first workspace and its owner when nobody is there yet.

    The owner comes from THROUGHLINE_ADMIN_EMAIL and _PASSWORD; in local mode there is one in any case, without a
    password, who comes in by a one-time link. None when nobody was there and nobody could be made.
    """
    await repository.lock_first_start(session)
    chosen = settings().admin_email or ("admin@throughline.local" if settings().local else "")
    if await repository.any_user(session):
        user = await repository.user_by_email(session, chosen) if chosen else None
        home = await repository.workspaces_of(session, user.id) if user else []
        return FirstAdmin(user.id, home[0][0], user.email, created=False) if user and home else None
    if not chosen:
        return None
    place = await repository.first_workspace(session) or await create_workspace(session, "Main", slug="main")
    user = await create_user(
        session,
        chosen,
        name="Admin",
        password=settings().admin_password or None,
        tenant_id=place.id,
        role=Role.OWNER,
    )
    return FirstAdmin(user.id, place.id, user.email, created=True)


async def invite(session: AsyncSession, principal: Principal, *, email: str, name: str, role: str) -> Invitation:
    """Add a person to the principal's workspace.

    Only somebody without a home elsewhere gets a one-time link: else an admin here could sign in as an owner there.
    """
    email, wanted = clean_email(email), _role(role)
    _may_grant(principal, wanted)
    await repository.lock_workspace(session, principal.tenant_id)
    user = await repository.user_by_email(session, email)
    if user is not None and await repository.membership(session, principal.tenant_id, user.id):
        raise _complaint("email", "This person is in the workspace already.")
    known = user is not None and bool(user.password_hash or await repository.workspaces_of(session, user.id))
    if user is not None:  # a link made elsewhere must not open this workspace as well
        await repository.drop_links(session, user.id)
    user = await create_user(session, email, name=name, tenant_id=principal.tenant_id, role=wanted)
    token = None if known else await sessions.create_sign_in_link(session, user.id, life=sessions.INVITATION_LIFE)
    return Invitation(user.id, user.email, token)


async def new_link(session: AsyncSession, principal: Principal, user_id: UUID) -> Invitation:
    """A new one-time link for a member who lost theirs. Refused when it would reach further than this workspace."""
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    if member.elsewhere:
        raise Forbidden(
            "This person is also in another workspace, so nobody here may make a link for them. "
            "Whoever runs the server can: ./dev user create --email EMAIL --role ROLE."
        )
    token = await sessions.create_sign_in_link(session, user_id)
    return Invitation(user_id, member.email, token)


async def change_role(
    session: AsyncSession, principal: Principal, user_id: UUID, role: str, of_keys: str | None = None
) -> Member:
    """Give a member another role. LastOwner when nobody would be owner.

    `of_keys` says what becomes of their API keys of a higher role than that (`keys.settle`, which asks when it is None).
    """
    wanted = _role(role)
    await repository.lock_workspace(session, principal.tenant_id)
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    _may_grant(principal, wanted)
    if member.role == Role.OWNER and wanted != Role.OWNER:
        await _keep_an_owner(session, principal.tenant_id)
    await keys.settle(session, principal, user_id, of_keys, stays_as=wanted)
    row = await repository.membership(session, principal.tenant_id, user_id)
    assert row is not None  # noqa: S101  the lock holds since _member
    row.role = wanted.value
    await session.flush()
    return member._replace(role=wanted)


async def remove(session: AsyncSession, principal: Principal, user_id: UUID, of_keys: str | None = None) -> Member:
    """Take a member out of the workspace; their sessions here end now. Their other workspaces stay.

    `of_keys` says what becomes of their API keys here (`keys.settle`, which asks when it is None).
    """
    await repository.lock_workspace(session, principal.tenant_id)
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    if member.role == Role.OWNER:
        await _keep_an_owner(session, principal.tenant_id)
    await keys.settle(session, principal, user_id, of_keys)
    row = await repository.membership(session, principal.tenant_id, user_id)
    await session.delete(row)
    await repository.drop_sessions(session, principal.tenant_id, user_id)
    if not member.elsewhere:
        await repository.drop_links(session, user_id)
    await session.flush()
    return member


async def change_profile(session: AsyncSession, principal: Principal, name: str) -> None:
    """The user's own name."""
    user = await session.get_one(User, principal.id)
    user.name = _clean_name(name)
    await session.flush()


async def change_password(session: AsyncSession, principal: Principal, current: str, new: str) -> None:
    """Set a password. Who has one must know it; all the user's other sessions end."""
    user = await session.get_one(User, principal.id)
    if user.password_hash is not None and not await passwords.verify(user.password_hash, current):
        raise _complaint("current", "This is not your current password.")
    user.password_hash = await passwords.hashed(passwords.check(new, user.email, path="new"))
    await sessions.end_others(session, user.id, principal.session_id)
    await repository.drop_links(session, user.id)
    await session.flush()


async def change_workspace(
    session: AsyncSession, principal: Principal, *, name: str, timezone: str, country: str
) -> Workspace:
    """Name, time zone and country (ISO 3166 alpha-2, blank for none) of the principal's workspace."""
    row = await repository.workspace(session, principal.tenant_id)
    cleaned = _clean_name(name)
    if not cleaned:
        raise _complaint("name", "Give the workspace a name.")
    try:
        chosen = contact_fields.country(country)
    except contact_fields.BadField as error:
        raise _complaint("country", str(error)) from error
    row.name, row.timezone = cleaned, check_timezone(timezone)
    row.settings = {**row.settings, "country": chosen}
    await session.flush()
    return row


def check_timezone(name: str) -> str:
    """The name when it is an IANA time zone, for example Europe/Berlin. Invalid otherwise."""
    if name not in zoneinfo.available_timezones():
        raise _complaint("timezone", "Choose a time zone of the list, for example Europe/Berlin.")
    return name


def _complaint(path: str, message: str) -> Invalid:
    complaint: Complaint = {"path": path, "message": message}
    return Invalid(message, errors=[complaint])


def _may_grant(principal: Principal, role: Role) -> None:
    if not principal.role.covers(role):
        raise Forbidden(f"Only an owner may do this to an {role}." if role == Role.OWNER else None)


async def _member(session: AsyncSession, principal: Principal, user_id: UUID) -> Member:
    found = await repository.members(session, principal.tenant_id, only=user_id)
    if not found:
        raise NotFound
    return found[0]


async def _keep_an_owner(session: AsyncSession, tenant_id: int) -> None:
    if await repository.owners(session, tenant_id) <= 1:
        raise LastOwner
