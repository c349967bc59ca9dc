"""The pages under /settings/users: who is in the workspace, who is invited, and where members are signed in."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import account_mail, invitations, key_pages, keys, repository, service
from app.accounts.deps import AppRequest, Database
from app.accounts.entering import PRIVATE
from app.accounts.invitations import NewLink
from app.accounts.keys import KeysInQuestion
from app.errors import AppError, Invalid
from app.lib.formats import word_inside
from app.lib.translation import gettext, ngettext
from app.models.status import Role
from app.settings import settings
from app.web import flash
from app.web.client_address import client_address
from app.web.form_errors import errors_by_path
from app.web.fragments import page
from app.web.user_agent import described

URL = "/settings/users"


async def _text(request: AppRequest, *names: str) -> list[str]:
    form = await request.form()
    return [str(form.get(name, "")).strip() for name in names]


async def _users(
    request: AppRequest,
    session: AsyncSession,
    error: AppError | None = None,
    form_values: dict[str, str] | None = None,
    question: key_pages.Asking | None = None,
) -> Template:
    tenant_id, members = request.user.tenant_id, await repository.members(session, request.user.tenant_id)
    admin = request.user.may(Role.ADMIN)
    return page(
        request,
        "accounts/users.html",
        status_code=error.status_code if error else 200,
        members=members,
        makers=await keys.makers(session, tenant_id),
        question=question,
        invited=await invitations.listed(session, tenant_id),
        links=await account_mail.latest(session, tenant_id, [member.id for member in members]) if admin else {},
        mails=await account_mail.can_mail(session, tenant_id),
        roles=[(role.value, role.value.capitalize()) for role in Role if request.user.may(role)],
        form_values=form_values or {},
        errors=errors_by_path(error),
    )


def _handed_over(request: AppRequest, link: NewLink, path: str, *, invited: bool) -> Template | Response[bytes]:
    """Say that the link went by mail, or show it, once."""
    if link.token is None:
        what = gettext("The invitation") if invited else gettext("The sign-in link")
        return flash.go(request, URL, gettext("%(what)s is on its way to %(email)s.", what=what, email=link.email))
    url = f"{settings().web.base_url}{path}#{link.token}"
    return page(request, "accounts/link_shown.html", headers=PRIVATE, url=url, email=link.email, invited=invited)


@get(URL, role=Role.VIEWER)
async def users(request: AppRequest, db_session: Database) -> Template:
    """Who is in the workspace, and who is invited."""
    return await _users(request, db_session)


@post(URL, role=Role.ADMIN, status_code=200)
async def invite(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Invite a person. Where no mail can be sent, the link is shown once."""
    email, name, role = await _text(request, "email", "name", "role")
    address = client_address(request.scope)
    try:
        link = await service.invite(db_session, request.user, email=email, name=name, role=role, address=address)
    except Invalid as error:
        return await _users(request, db_session, error, {"email": email, "name": name, "role": role})
    return _handed_over(request, link, "/invitation", invited=True)


@post("/settings/invitations/{invitation_id:uuid}/renew", role=Role.ADMIN, status_code=200)
async def renew_invitation(
    request: AppRequest, db_session: Database, invitation_id: FromPath[UUID]
) -> Template | Response[bytes]:
    """Send an invitation again with a new link; the old one ends. `show=1` asks for the link after a mail that could not be sent."""
    show, address = bool((await request.form()).get("show")), client_address(request.scope)
    link = await invitations.renew(db_session, request.user, invitation_id, show=show, address=address)
    return _handed_over(request, link, "/invitation", invited=True)


@post("/settings/invitations/{invitation_id:uuid}/revoke", role=Role.ADMIN)
async def revoke_invitation(
    request: AppRequest, db_session: Database, invitation_id: FromPath[UUID]
) -> Response[bytes]:
    """End an invitation."""
    address = client_address(request.scope)
    email = await invitations.revoke(db_session, request.user, invitation_id, address=address)
    return flash.go(request, URL, gettext("The invitation of %(email)s was revoked.", email=email))


@post("/settings/users/{user_id:uuid}/link", role=Role.ADMIN, status_code=200)
async def new_link(request: AppRequest, db_session: Database, user_id: FromPath[UUID]) -> Template | Response[bytes]:
    """Make a new one-time link for a member who cannot sign in."""
    link = await service.new_link(db_session, request.user, user_id, address=client_address(request.scope))
    return _handed_over(request, link, "/sign-in/link", invited=False)


@post("/settings/users/{user_id:uuid}/role", role=Role.ADMIN, status_code=200)
async def change_role(request: AppRequest, db_session: Database, user_id: FromPath[UUID]) -> Template | Response[bytes]:
    """Give a person another role. For a lower one a dialog first asks what to do with the API keys that have more rights."""
    role, answer = await _text(request, "role", "keys")
    try:
        member = await service.change_role(db_session, request.user, user_id, role, answer or None)
    except KeysInQuestion as question:
        return await _users(request, db_session, question=key_pages.dialog_of(request, question, user_id, Role(role)))
    return flash.go(
        request,
        URL,
        gettext(
            "%(value)s is %(role)s now.", value=member.name or member.email, role=word_inside(member.role, noun=True)
        ),
    )


@post("/settings/users/{user_id:uuid}/remove", role=Role.ADMIN, status_code=200)
async def remove_user(request: AppRequest, db_session: Database, user_id: FromPath[UUID]) -> Template | Response[bytes]:
    """Take a person out of the workspace. A dialog first asks what to do with the API keys that they made."""
    [answer] = await _text(request, "keys")
    try:
        member = await service.remove(db_session, request.user, user_id, answer or None)
    except KeysInQuestion as question:
        return await _users(request, db_session, question=key_pages.dialog_of(request, question, user_id, None))
    return flash.go(request, URL, gettext("%(value)s was removed.", value=member.name or member.email))


@get("/settings/users/{user_id:uuid}/sessions", role=Role.ADMIN)
async def sessions_of_user(request: AppRequest, db_session: Database, user_id: FromPath[UUID]) -> Template:
    """Where a member is signed in to this workspace."""
    member, rows = await service.sessions_of(db_session, request.user, user_id)
    shown = [(row, described(row.user_agent)) for row in rows]
    return page(request, "accounts/user_sessions.html", member=member, rows=shown)


@post("/settings/users/{user_id:uuid}/sessions/end", role=Role.ADMIN)
async def end_sessions_of_user(request: AppRequest, db_session: Database, user_id: FromPath[UUID]) -> Response[bytes]:
    """Sign a member out of this workspace everywhere."""
    member, count = await service.end_sessions_of(db_session, request.user, user_id)
    text = ngettext(
        "%(name)s was signed out in %(number)s place.",
        "%(name)s was signed out in %(number)s places.",
        count,
        name=member.name or member.email,
    )
    return flash.go(request, URL, text)


@post("/settings/users/{user_id:uuid}/sessions/{session_id:uuid}/end", role=Role.ADMIN)
async def end_session_of_user(
    request: AppRequest, db_session: Database, user_id: FromPath[UUID], session_id: FromPath[UUID]
) -> Response[bytes]:
    """Sign a member out in one browser."""
    await service.end_sessions_of(db_session, request.user, user_id, session_id)
    return flash.go(request, f"{URL}/{user_id}/sessions", gettext("Signed out there."))


ROUTES: list[Any] = [
    users,
    invite,
    renew_invitation,
    revoke_invitation,
    new_link,
    change_role,
    remove_user,
    sessions_of_user,
    end_sessions_of_user,
    end_session_of_user,
]
