"""The pages under /settings: profile, sessions and workspace. Those of users are in `people_pages`, of API keys in `key_pages`."""

from __future__ import annotations

import functools
import re
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import passwords, repository, service, sessions, sign_in_links
from app.accounts.deps import AppRequest, Database
from app.errors import AppError, Invalid, TooMany
from app.lib import translation
from app.lib.translation import gettext, ngettext
from app.messaging.channels.opt_words import STOP_WORDS
from app.models.status import Role
from app.models.user import User
from app.values import contact_fields
from app.values.zone_choices import offered_zones
from app.web import flash, transactions
from app.web.form_errors import errors_by_path
from app.web.fragments import page
from app.web.user_agent import described


async def _text(request: AppRequest, *names: str) -> list[str]:
    form = await request.form()
    return [str(form.get(name, "")).strip() for name in names]


@get("/settings", role=Role.VIEWER)
async def settings_home(request: AppRequest) -> Response[bytes]:
    """The first of the tabs."""
    return flash.go(request, "/settings/profile")


# ---- profile


async def _profile(request: AppRequest, session: AsyncSession, error: AppError | None = None) -> Template:
    user = await session.get_one(User, request.user.id)
    return page(
        request,
        "accounts/profile.html",
        status_code=error.status_code if error else 200,
        headers={"Retry-After": str(error.retry_after)} if error and error.retry_after else {},
        user=user,
        languages=[*translation.LANGUAGES.items()],
        zones=offered_zones(user.timezone),
        errors=errors_by_path(error),
    )


@get("/settings/profile", role=Role.VIEWER)
async def profile(request: AppRequest, db_session: Database) -> Template:
    """Name, password, and how pages are shown to this person."""
    return await _profile(request, db_session)


@post("/settings/profile", role=Role.VIEWER, status_code=200)
async def save_profile(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Change one's own name, language, time zone and theme. The theme replaces what was switched to in this browser."""
    name, language, timezone, theme = await _text(request, "name", "language", "timezone", "theme")
    try:
        await service.change_profile(
            db_session, request.user, name=name, language=language, timezone=timezone, theme=theme
        )
    except Invalid as error:
        return await _profile(request, db_session, error)
    if language:
        translation.use(language)
    answer = flash.go(request, "/settings/profile", gettext("Saved."))
    answer.delete_cookie("theme")
    return answer


@post("/settings/password", role=Role.VIEWER, status_code=200)
async def save_password(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Change one's own password. Sessions elsewhere end."""
    form = await request.form()
    current, new = str(form.get("current", "")), str(form.get("new", ""))
    own = functools.partial(transactions.short_transaction, request.scope)
    try:
        await sessions.check_current(own, request.user, current)
        secret = await passwords.hashed(passwords.checked_password(new, request.user.email, path="new"))
    except (Invalid, TooMany) as error:
        return await _profile(request, db_session, error)
    await service.change_password(db_session, request.user, secret)
    return flash.go(request, "/settings/profile", gettext("Password changed. You are signed out everywhere else."))


# ---- sessions


@get("/settings/sessions", role=Role.VIEWER)
async def list_sessions(request: AppRequest, db_session: Database) -> Template:
    """Where this person is signed in."""
    rows = [(row, described(row.user_agent)) for row in await sessions.listed(db_session, request.user)]
    links = await sign_in_links.links_made_for(db_session, request.user.id)
    return page(request, "accounts/sessions.html", rows=rows, links=links)


@post("/settings/sessions/{session_id:uuid}/end", role=Role.VIEWER)
async def end_session(request: AppRequest, db_session: Database, session_id: FromPath[UUID]) -> Response[bytes]:
    """Sign out one other browser."""
    await sessions.end(db_session, request.user, session_id)
    return flash.go(request, "/settings/sessions", gettext("Signed out there."))


@post("/settings/sessions/end-others", role=Role.VIEWER)
async def end_other_sessions(request: AppRequest, db_session: Database) -> Response[bytes]:
    """Sign out everywhere but here."""
    count = await sessions.end_others(db_session, request.user.id, request.user.session_id)
    return flash.go(
        request,
        "/settings/sessions",
        ngettext("Signed out in %(number)s other place.", "Signed out in %(number)s other places.", count),
    )


# ---- workspace


async def _workspace(request: AppRequest, session: AsyncSession, error: AppError | None = None) -> Template:
    place = await repository.workspace(session, request.user.tenant_id)
    return page(
        request,
        "accounts/workspace.html",
        status_code=error.status_code if error else 200,
        place=place,
        mine=await repository.workspaces_of(session, request.user.id),
        zones=offered_zones(place.timezone),
        countries=contact_fields.countries(),
        stop_words=", ".join(place.settings.get(STOP_WORDS) or []),
        errors=errors_by_path(error),
    )


@get("/settings/workspace", role=Role.VIEWER)
async def workspace(request: AppRequest, db_session: Database) -> Template:
    """Name, time zone and country of the workspace, and the other workspaces of this person."""
    return await _workspace(request, db_session)


@post("/settings/workspace", role=Role.ADMIN, status_code=200)
async def save_workspace(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Change name, time zone, country and further words that stop messages."""
    name, timezone, country, words = await _text(request, "name", "timezone", "country", "stopWords")
    change = service.WorkspaceChange(name, timezone, country, re.split("[,;\n]", words))
    try:
        await service.change_workspace(db_session, request.user, change)
    except Invalid as error:
        return await _workspace(request, db_session, error)
    return flash.go(request, "/settings/workspace", gettext("Saved."))


@post("/settings/workspaces", role=Role.OWNER, status_code=200)
async def add_workspace(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """A further workspace, with this person as its owner; the session moves there."""
    [name] = await _text(request, "new_name")
    try:
        place = await service.add_workspace(db_session, request.user, name)
    except Invalid as error:
        error.errors = [{**field_error, "path": "new_name"} for field_error in error.errors]
        return await _workspace(request, db_session, error)
    return flash.go(request, "/", gettext("This is %(workspace)s.", workspace=place.name))


@post("/settings/workspaces/{workspace_id:int}/open", role=Role.VIEWER)
async def open_workspace(request: AppRequest, db_session: Database, workspace_id: FromPath[int]) -> Response[bytes]:
    """Go to another workspace of this person."""
    await sessions.switch(db_session, request.user, workspace_id)
    return flash.go(request, "/")


ROUTES: list[Any] = [
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
]
