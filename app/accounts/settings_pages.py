"""The pages under /settings: profile, sessions, workspace and users. Those of API keys are in `key_pages`."""

from __future__ import annotations

import zoneinfo
from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import key_pages, keys, repository, service, sessions
from app.accounts.keys import KeysInQuestion
from app.errors import AppError, Invalid
from app.lib import flash
from app.lib.fragments import page
from app.lib.user_agent import described
from app.models.status import Role
from app.models.user import User
from app.settings import settings
from app.values import contact_fields

Asked = Request[Any, Any, Any]
Database = NamedDependency[AsyncSession]
PRIVATE = {"Cache-Control": "no-store"}


def _roles(request: Asked) -> list[tuple[str, str]]:
    return [(role.value, role.value.capitalize()) for role in Role if request.user.may(role)]


async def _text(request: Asked, *names: str) -> list[str]:
    form = await request.form()
    return [str(form.get(name, "")).strip() for name in names]


def _errors(error: AppError | None) -> dict[str, str]:
    return {complaint["path"]: complaint["message"] for complaint in error.errors} if error else {}


@get("/settings", role=Role.VIEWER, include_in_schema=False)
async def settings_home(request: Asked) -> Response[bytes]:
    """The first of the tabs."""
    return flash.go(request, "/settings/profile")


# ---- profile


async def _profile(request: Asked, session: AsyncSession, error: AppError | None = None) -> Template:
    user = await session.get_one(User, request.user.id)
    return page(
        request,
        "accounts/profile.html",
        status_code=error.status_code if error else 200,
        user=user,
        errors=_errors(error),
    )


@get("/settings/profile", role=Role.VIEWER, include_in_schema=False)
async def profile(request: Asked, db_session: Database) -> Template:
    """Name and password."""
    return await _profile(request, db_session)


@post("/settings/profile", role=Role.VIEWER, include_in_schema=False, status_code=200)
async def save_profile(request: Asked, db_session: Database) -> Template | Response[bytes]:
    """Change one's own name."""
    [name] = await _text(request, "name")
    try:
        await service.change_profile(db_session, request.user, name)
    except Invalid as error:
        return await _profile(request, db_session, error)
    return flash.go(request, "/settings/profile", "Saved.")


@post("/settings/password", role=Role.VIEWER, include_in_schema=False, status_code=200)
async def save_password(request: Asked, db_session: Database) -> Template | Response[bytes]:
    """Change one's own password. Sessions elsewhere end."""
    form = await request.form()
    try:
        await service.change_password(db_session, request.user, str(form.get("current", "")), str(form.get("new", "")))
    except Invalid as error:
        return await _profile(request, db_session, error)
    return flash.go(request, "/settings/profile", "Password changed. You are signed out everywhere else.")


# ---- sessions


@get("/settings/sessions", role=Role.VIEWER, include_in_schema=False)
async def list_sessions(request: Asked, db_session: Database) -> Template:
    """Where this person is signed in."""
    rows = [(row, described(row.user_agent)) for row in await sessions.listed(db_session, request.user)]
    return page(request, "accounts/sessions.html", rows=rows)


@post("/settings/sessions/{session_id:uuid}/end", role=Role.VIEWER, include_in_schema=False)
async def end_session(request: Asked, db_session: Database, session_id: FromPath[UUID]) -> Response[bytes]:
    """Sign out one other browser."""
    await sessions.end(db_session, request.user, session_id)
    return flash.go(request, "/settings/sessions", "Signed out there.")


@post("/settings/sessions/end-others", role=Role.VIEWER, include_in_schema=False)
async def end_other_sessions(request: Asked, db_session: Database) -> Response[bytes]:
    """Sign out everywhere but here."""
    count = await sessions.end_others(db_session, request.user.id, request.user.session_id)
    return flash.go(request, "/settings/sessions", f"Signed out in {count} other place{'s' if count != 1 else ''}.")


# ---- workspace


async def _workspace(request: Asked, session: AsyncSession, error: AppError | None = None) -> Template:
    return page(
        request,
        "accounts/workspace.html",
        status_code=error.status_code if error else 200,
        place=await repository.workspace(session, request.user.tenant_id),
        mine=await repository.workspaces_of(session, request.user.id),
        zones=sorted(zoneinfo.available_timezones()),
        countries=contact_fields.countries(),
        errors=_errors(error),
    )


@get("/settings/workspace", role=Role.VIEWER, include_in_schema=False)
async def workspace(request: Asked, db_session: Database) -> Template:
    """Name, time zone and country of the workspace, and the other workspaces of this person."""
    return await _workspace(request, db_session)


@post("/settings/workspace", role=Role.ADMIN, include_in_schema=False, status_code=200)
async def save_workspace(request: Asked, db_session: Database) -> Template | Response[bytes]:
    """Change name, time zone and country."""
    name, timezone, country = await _text(request, "name", "timezone", "country")
    try:
        await service.change_workspace(db_session, request.user, name=name, timezone=timezone, country=country)
    except Invalid as error:
        return await _workspace(request, db_session, error)
    return flash.go(request, "/settings/workspace", "Saved.")


@post("/settings/workspaces", role=Role.OWNER, include_in_schema=False, status_code=200)
async def add_workspace(request: Asked, db_session: Database) -> Template | Response[bytes]:
    """A further workspace, with this person as its owner; the session moves there."""
    [name] = await _text(request, "new_name")
    try:
        place = await service.create_workspace(db_session, name, timezone=request.user.timezone)
    except Invalid as error:
        error.errors = [{**complaint, "path": "new_name"} for complaint in error.errors]
        return await _workspace(request, db_session, error)
    await service.create_user(db_session, request.user.email, tenant_id=place.id, role=Role.OWNER)
    await sessions.switch(db_session, request.user, place.id)
    return flash.go(request, "/", f"This is {place.name}.")


@post("/settings/workspaces/{workspace_id:int}/open", role=Role.VIEWER, include_in_schema=False)
async def open_workspace(request: Asked, db_session: Database, workspace_id: FromPath[int]) -> Response[bytes]:
    """Go to another workspace of this person."""
    await sessions.switch(db_session, request.user, workspace_id)
    return flash.go(request, "/")


# ---- users


async def _users(
    request: Asked,
    session: AsyncSession,
    error: AppError | None = None,
    given: dict[str, str] | None = None,
    asked: key_pages.Asking | None = None,
) -> Template:
    return page(
        request,
        "accounts/users.html",
        status_code=error.status_code if error else 200,
        members=await repository.members(session, request.user.tenant_id),
        makers=await keys.makers(session, request.user.tenant_id),
        asked=asked,
        roles=_roles(request),
        given=given or {},
        errors=_errors(error),
    )


def _link_page(request: Asked, invitation: service.Invitation, *, new: bool) -> Template:
    url = f"{settings().web.base_url}/sign-in/link/{invitation.token}"
    return page(request, "accounts/link_shown.html", headers=PRIVATE, url=url, email=invitation.email, new=new)


@get("/settings/users", role=Role.VIEWER, include_in_schema=False)
async def users(request: Asked, db_session: Database) -> Template:
    """Who is in the workspace."""
    return await _users(request, db_session)


@post("/settings/users", role=Role.ADMIN, include_in_schema=False, status_code=200)
async def invite(request: Asked, db_session: Database) -> Template | Response[bytes]:
    """Add a person; the one-time link of somebody new is shown once."""
    email, name, role = await _text(request, "email", "name", "role")
    try:
        made = await service.invite(db_session, request.user, email=email, name=name, role=role)
    except Invalid as error:
        return await _users(request, db_session, error, {"email": email, "name": name, "role": role})
    if made.token is None:
        return flash.go(request, "/settings/users", f"{made.email} was added and can sign in as always.")
    return _link_page(request, made, new=True)


@post("/settings/users/{user_id:uuid}/link", role=Role.ADMIN, include_in_schema=False, status_code=200)
async def new_link(request: Asked, db_session: Database, user_id: FromPath[UUID]) -> Template:
    """A new one-time link for somebody who cannot sign in."""
    return _link_page(request, await service.new_link(db_session, request.user, user_id), new=False)


@post("/settings/users/{user_id:uuid}/role", role=Role.ADMIN, include_in_schema=False, status_code=200)
async def change_role(request: Asked, db_session: Database, user_id: FromPath[UUID]) -> Template | Response[bytes]:
    """Give a person another role. With a lower one it is asked first what becomes of the API keys that reach further."""
    role, answer = await _text(request, "role", "keys")
    try:
        member = await service.change_role(db_session, request.user, user_id, role, answer or None)
    except KeysInQuestion as question:
        return await _users(request, db_session, asked=key_pages.asked(request, question, user_id, Role(role)))
    return flash.go(request, "/settings/users", f"{member.name or member.email} is {member.role} now.")


@post("/settings/users/{user_id:uuid}/remove", role=Role.ADMIN, include_in_schema=False, status_code=200)
async def remove_user(request: Asked, db_session: Database, user_id: FromPath[UUID]) -> Template | Response[bytes]:
    """Take a person out of the workspace. It is asked first what becomes of the API keys that they made."""
    [answer] = await _text(request, "keys")
    try:
        member = await service.remove(db_session, request.user, user_id, answer or None)
    except KeysInQuestion as question:
        return await _users(request, db_session, asked=key_pages.asked(request, question, user_id, None))
    return flash.go(request, "/settings/users", f"{member.name or member.email} was removed.")


HANDLERS: list[Any] = [
    settings_home,
    profile,
    save_profile,
    save_password,
    list_sessions,
    end_session,
    end_other_sessions,
    workspace,
    save_workspace,
    add_workspace,
    open_workspace,
    users,
    invite,
    new_link,
    change_role,
    remove_user,
]
