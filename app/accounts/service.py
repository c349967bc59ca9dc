"""Workspaces and the people in them: who may add, change and remove whom.

An admin manages everybody but owners; only an owner makes or unmakes owners; a workspace always keeps one owner.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import account_mail, invitations, keys, passwords, repository, sessions, sign_in_links
from app.accounts.invitations import NewLink
from app.accounts.principal import Principal
from app.accounts.repository import Member
from app.errors import Conflict, FieldError, Forbidden, Invalid, NotFound
from app.lib import addresses, clock, translation
from app.lib.translation import gettext
from app.messaging.channels.opt_words import MOST_WORDS, STOP_WORDS, word_fault
from app.models.session import UserSession
from app.models.status import Role
from app.models.user import Membership, User
from app.models.workspace import Workspace
from app.settings import settings
from app.values import contact_fields, zone_names

log = structlog.get_logger()


class LastOwner(Conflict):
    """A workspace needs an owner. Make somebody else owner first."""

    code = "last_owner"


class WorkspaceChange(NamedTuple):
    """What shall be another; None for what stays."""

    name: str | None = None
    timezone: str | None = None
    country: str | None = None
    """ISO 3166 alpha-2, blank for none."""
    stop_words: Sequence[str] | None = None
    """All words of the workspace's own that stop messages."""


class FirstAdmin(NamedTuple):
    """The owner that the product starts with."""

    user_id: UUID
    tenant_id: int
    email: str
    created: bool


def clean_email(email: str, *, path: str = "email") -> str:
    """The address as it is stored: trimmed and in lower case. Invalid when it cannot be one.

    It may be of a network without the internet's names (`root@localhost`), where the product may live.
    """
    odd, email = addresses.look_alike(email.strip()), addresses.lookup_form(email)
    if odd or not addresses.is_mailable(email):
        raise Invalid(errors=[{"path": path, "message": gettext("Send an email address like name@company.example.")}])
    return email


def clean_name(name: str, path: str = "name") -> str:
    """A name as it is stored: one line, without outer blanks. Invalid when it is too long."""
    name = " ".join(name.split())
    if len(name) > 100:
        raise Invalid(errors=[{"path": path, "message": gettext("Use at most 100 characters.")}])
    return name


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise Invalid(
            errors=[{"path": "role", "message": gettext("Choose one of %(role)s.", role=", ".join(Role))}]
        ) from None


async def create_workspace(
    session: AsyncSession, name: str, *, slug: str | None = None, timezone: str = "UTC"
) -> Workspace:
    """A new workspace. The slug is made from the name when none is given."""
    name = clean_name(name)
    if not name:
        raise Invalid(errors=[{"path": "name", "message": gettext("Give the workspace a name.")}])
    wanted_slug = re.sub(r"[^a-z0-9]+", "-", (slug or name).lower()).strip("-")[:48] or "workspace"
    row = Workspace(
        name=name, slug=await repository.free_slug(session, wanted_slug), timezone=check_timezone(timezone), settings={}
    )
    session.add(row)
    await session.flush()
    return row


async def create_user(
    session: AsyncSession, email: str, *, name: str = "", password: str | None = None, tenant_id: int, role: Role | str
) -> User:
    """A member of a workspace, with an account of its own unless the address is a member already. For the server and the first start.

    Who is a member keeps name and password and only gets the role.
    """
    email, wanted = clean_email(email), _role(role)
    user = await repository.member_by_email(session, tenant_id, email)
    if user is not None:
        member = await repository.membership(session, tenant_id, user.id)
        assert member is not None  # noqa: S101  it was found by its membership
        member.role = wanted.value
    else:
        secret = await passwords.hashed(passwords.checked_password(password, email)) if password else None
        user = User(email=email, name=clean_name(name), password_hash=secret, disabled_at=None)
        session.add(user)
        await session.flush()
        session.add(Membership(tenant_id=tenant_id, user_id=user.id, role=wanted.value))
    await session.flush()
    return user


async def admit(
    session: AsyncSession, email: str, *, name: str = "", password: str | None = None, tenant_id: int, role: Role | str
) -> str | None:
    """Whoever runs the server lets a person in. Answers the path of the link to pass on, or None when a password was given.

    Somebody with an account elsewhere gets an invitation: nothing says that the account is theirs.
    """
    email, wanted = clean_email(email), _role(role)
    member = await repository.member_by_email(session, tenant_id, email)
    if password is None and member is None and await repository.account_exists(session, email):
        token = await invitations.for_server(session, tenant_id, email=email, name=clean_name(name), role=wanted)
        return f"/invitation#{token}"
    user = await create_user(session, email, name=name, password=password, tenant_id=tenant_id, role=wanted)
    if password is not None:
        return None
    await sessions.end_others(session, user.id, None)
    token = await sign_in_links.create_sign_in_link(session, user.id)
    log.info("sign_in_link.made", by="server", user_id=str(user.id), tenant_id=tenant_id)
    return f"/sign-in/link#{token}"


async def ensure_first_admin(session: AsyncSession) -> FirstAdmin | None:
    """Make the first workspace and its owner when there is none yet.

    The owner comes from THROUGHLINE_ADMIN_EMAIL and _PASSWORD; in local mode there is one in any case, without a
    password, who comes in by a one-time link. None when nobody was there and nobody could be made.
    """
    await repository.lock_first_start(session)
    chosen = settings().admin_email or ("admin@throughline.local" if settings().local else "")
    if await repository.any_user(session):
        user = await repository.oldest_account(session, chosen) if chosen else None
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


async def invite(
    session: AsyncSession, principal: Principal, *, email: str, name: str, role: str, address: str = ""
) -> NewLink:
    """Invite a person to the principal's workspace. They are a member when they have accepted.

    `address` is where the request came from, for the log.
    """
    email, wanted = clean_email(email), _role(role)
    _may_grant(principal, wanted)
    return await invitations.invite(
        session, principal, email=email, name=clean_name(name), role=wanted, address=address
    )


async def new_link(session: AsyncSession, principal: Principal, user_id: UUID, *, address: str = "") -> NewLink:
    """A new one-time link for a member who lost theirs. Refused when it would reach further than this workspace.

    It goes by mail where the workspace can mail, else the principal sees it. It is never made in silence: it is logged, the
    person's sessions end, and they are told who made it.
    """
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    if user_id == principal.id:
        raise Forbidden(gettext("You are signed in. Change your password on your profile instead."))
    if member.elsewhere:
        raise Forbidden(
            gettext(
                "This person is also in another workspace, so nobody here may make a link for them. Whoever runs the "
                "server can: ./dev user create --email EMAIL --role ROLE."
            )
        )
    mailed = await account_mail.can_mail(session, principal.tenant_id)
    ended = await sessions.end_others(session, user_id, None)
    token = await sign_in_links.create_sign_in_link(session, user_id, created_by=principal.id, mailed=mailed)
    if mailed:
        until = clock.now() + sign_in_links.LINK_LIFE
        language = (await session.get_one(User, user_id)).language
        words = account_mail.link_words(principal, token=token, until=until, language=language or principal.language)
        await account_mail.post(
            session, principal.tenant_id, about=user_id, recipient=member.email, words=words, expires_at=until
        )
    log.warning(
        "sign_in_link.made",
        by=str(principal.id),
        user_id=str(user_id),
        tenant_id=principal.tenant_id,
        role=member.role.value,
        mailed=mailed,
        sessions_ended=ended,
        address=address,
    )
    return NewLink(member.email, None if mailed else token)


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
    await invitations.end_of(session, principal.tenant_id, user_id, keeps=wanted)
    await session.flush()
    log.info("member.role_changed", role=wanted.value, **_whom(principal, user_id))
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
    await sessions.end_of_member(session, principal.tenant_id, user_id)
    if not member.elsewhere:
        await sign_in_links.end_links(session, user_id)
    await invitations.end_of(session, principal.tenant_id, user_id, keeps=None)
    await session.flush()
    log.info("member.removed", **_whom(principal, user_id))
    return member


async def sessions_of(
    session: AsyncSession, principal: Principal, user_id: UUID
) -> tuple[Member, Sequence[UserSession]]:
    """A member and their sessions in this workspace, for a principal who may manage them."""
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    return member, await sessions.of_member(session, principal.tenant_id, user_id)


async def end_sessions_of(
    session: AsyncSession, principal: Principal, user_id: UUID, only: UUID | None = None
) -> tuple[Member, int]:
    """Sign a member out of this workspace: one session, or all. NotFound when `only` is none of theirs here."""
    member = await _member(session, principal, user_id)
    _may_grant(principal, member.role)
    ended = await sessions.end_of_member(session, principal.tenant_id, user_id, only)
    if only is not None and not ended:
        raise NotFound
    log.info("member.signed_out", sessions_ended=ended, **_whom(principal, user_id))
    return member, ended


async def change_profile(
    session: AsyncSession, principal: Principal, *, name: str, language: str, timezone: str, theme: str
) -> None:
    """The user's own name, and how pages are shown to them; empty: as the browser, the workspace and the device are. Raises Invalid."""
    user, cleaned = await session.get_one(User, principal.id), clean_name(name)
    if language not in ("", *translation.LANGUAGES):
        raise _invalid("language", gettext("Choose a language of the list."))
    if theme not in ("", "light", "dark"):
        raise _invalid("theme", gettext("Choose a theme of the list."))
    user.timezone = check_timezone(timezone) if timezone else None
    user.name, user.language, user.theme = cleaned, language or None, theme or None
    await session.flush()


async def change_password(session: AsyncSession, principal: Principal, new_hash: str) -> None:
    """Set the password whose hash this is. All the user's other sessions end, and the links that were made for them."""
    user = await session.get_one(User, principal.id)
    user.password_hash = new_hash
    await sessions.end_others(session, user.id, principal.session_id)
    await sign_in_links.end_links(session, user.id)
    await session.flush()
    log.info("password.changed", user_id=str(user.id))


async def add_workspace(session: AsyncSession, principal: Principal, name: str) -> Workspace:
    """A further workspace with the principal as its owner; their session moves there."""
    place = await create_workspace(session, name, timezone=principal.timezone)
    session.add(Membership(tenant_id=place.id, user_id=principal.id, role=Role.OWNER.value))
    await session.flush()
    await sessions.switch(session, principal, place.id)
    return place


async def change_workspace(session: AsyncSession, principal: Principal, change: WorkspaceChange) -> Workspace:
    """Name, time zone, country and words that stop messages, those that are in the change. Raises Invalid."""
    row = await repository.workspace(session, principal.tenant_id)
    name, timezone, chosen = row.name, row.timezone, dict(row.settings)
    if change.name is not None and not (name := clean_name(change.name)):
        raise _invalid("name", gettext("Give the workspace a name."))
    if change.timezone is not None:
        timezone = check_timezone(change.timezone)
    if change.country is not None:
        try:
            chosen["country"] = contact_fields.country(change.country)
        except contact_fields.BadField as error:
            raise _invalid("country", str(error)) from error
    if change.stop_words is not None:
        chosen[STOP_WORDS] = _checked_stop_words(change.stop_words)
    row.name, row.timezone, row.settings = name, timezone, chosen
    await session.flush()
    return row


def _checked_stop_words(texts: Sequence[str]) -> list[str]:
    """The words without needless blanks, each once. Raises Invalid."""
    words = list(dict.fromkeys(word for text in texts if (word := " ".join(text.split()))))
    if len(words) > MOST_WORDS:
        raise _invalid(
            "stopWords",
            gettext("These are %(words)s words; %(most_words)s may be added.", words=len(words), most_words=MOST_WORDS),
        )
    for word in words:
        if (
            fault := gettext("Write one word an entry, without commas.")
            if re.search("[,;]", word)
            else word_fault(word)
        ):
            raise _invalid("stopWords", fault)
    return words


def check_timezone(name: str) -> str:
    """The name when it is an IANA time zone, for example Europe/Berlin. Invalid otherwise."""
    if name not in zone_names.timezones():
        raise _invalid("timezone", gettext("Choose a time zone of the list, for example Europe/Berlin."))
    return name


def _invalid(path: str, message: str) -> Invalid:
    field_error: FieldError = {"path": path, "message": message}
    return Invalid(message, errors=[field_error])


def _whom(principal: Principal, user_id: UUID) -> dict[str, str | int]:
    return {"by": str(principal.id), "user_id": str(user_id), "tenant_id": principal.tenant_id}


def _may_grant(principal: Principal, role: Role) -> None:
    if not principal.role.covers(role):
        raise Forbidden(gettext("Only an owner may do this to an owner.") if role == Role.OWNER else None)


async def _member(session: AsyncSession, principal: Principal, user_id: UUID) -> Member:
    members = await repository.members(session, principal.tenant_id, only=user_id)
    if not members:
        raise NotFound
    return members[0]


async def _keep_an_owner(session: AsyncSession, tenant_id: int) -> None:
    if await repository.owners(session, tenant_id) <= 1:
        raise LastOwner
