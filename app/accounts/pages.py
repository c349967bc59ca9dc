"""The doors: sign in, one-time links, sign out."""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import key_pages, sessions, settings_pages
from app.accounts.authentication import no_session_cookie, session_cookie
from app.accounts.sessions import LinkOver, WrongPassword
from app.errors import TooMany
from app.lib import database, flash
from app.lib.client_address import client_address
from app.lib.fragments import page
from app.models.status import Role
from app.settings import settings

Asked = Request[Any, Any, Any]
_OURS = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
PRIVATE = {"Cache-Control": "no-store"}


def safe_next(target: str | None) -> str:
    """`target` when it is a path of this site that makes sense after signing in, else `/`."""
    if target and _OURS.fullmatch(target) and not target.startswith(("/sign-", "/api/")):
        return target
    return "/"


def _form(
    request: Asked,
    target: str,
    email: str = "",
    error: str = "",
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Template:
    host = urlsplit(settings().web.base_url).netloc
    return page(
        request,
        "accounts/sign_in.html",
        status_code=status,
        headers={**PRIVATE, **(headers or {})},
        next=target,
        email=email,
        error=error,
        host=host,
    )


async def _begin(
    request: Asked, session: AsyncSession, user_id: UUID, target: str, *, lasting: bool
) -> Response[bytes]:
    before = request.user.session_id if request.user else None
    token = await sessions.start(
        session,
        user_id,
        lasting=lasting,
        address=client_address(request.scope),
        user_agent=request.headers.get("user-agent", ""),
        instead_of=before,
    )
    answer = flash.go(request, target)
    answer.set_cookie(session_cookie(token, lasting=lasting))
    return answer


@get("/sign-in", public=True, any_query=True, include_in_schema=False)
async def sign_in_form(request: Asked, next: FromQuery[str | None] = None) -> Template | Response[bytes]:
    """The form; who is signed in already goes on."""
    target = safe_next(next)
    return flash.go(request, target) if request.user else _form(request, target)


@post("/sign-in", public=True, any_query=True, include_in_schema=False, status_code=200)
async def sign_in(request: Asked, db_session: NamedDependency[AsyncSession]) -> Template | Response[bytes]:
    """Check email and password and begin a session, or give the form back with what is wrong."""
    form = await request.form()
    email, password = str(form.get("email", "")), str(form.get("password", ""))
    target = safe_next(str(form.get("next", "")))
    own = functools.partial(database.own_session, request.scope)
    try:
        user_id = await sessions.check_password(own, email, password, client_address(request.scope))
    except WrongPassword as error:
        return _form(request, target, email, error.message, status=401)
    except TooMany as error:
        return _form(request, target, email, error.message, 429, {"Retry-After": str(error.retry_after)})
    return await _begin(request, db_session, user_id, target, lasting=bool(form.get("lasting")))


@get("/sign-in/help", public=True, any_query=True, include_in_schema=False)
async def sign_in_help(request: Asked) -> Template:
    """What to do without a password."""
    return page(request, "accounts/sign_in_help.html", local=settings().local)


@get("/sign-in/link/{token:str}", public=True, any_query=True, include_in_schema=False, status_code=200)
async def open_link(
    request: Asked, db_session: NamedDependency[AsyncSession], token: FromPath[str]
) -> Template | Response[bytes]:
    """Whom the link is for, and a button: what mail scanners and browsers fetch ahead must not use it up.

    On one's own machine (`./dev run`) opening it is enough, as nobody else reads that terminal.
    """
    try:
        user, _ = await sessions.link_owner(db_session, token)
    except LinkOver:
        if request.user:
            return flash.go(request, "/")
        raise
    ahead = request.headers.get("sec-purpose", "") + request.headers.get("purpose", "")
    if settings().local and "prefetch" not in ahead:
        return await _begin(request, db_session, await sessions.use_link(db_session, token), "/", lasting=True)
    return page(request, "accounts/sign_in_link.html", headers=PRIVATE, who=user)


@post("/sign-in/link/{token:str}", public=True, any_query=True, include_in_schema=False)
async def use_link(request: Asked, db_session: NamedDependency[AsyncSession], token: FromPath[str]) -> Response[bytes]:
    """Use the link up and begin a session."""
    return await _begin(request, db_session, await sessions.use_link(db_session, token), "/", lasting=True)


@post("/sign-out", role=Role.VIEWER, any_query=True, include_in_schema=False)
async def sign_out(request: Asked, db_session: NamedDependency[AsyncSession]) -> Response[bytes]:
    """End this session, here and in the database. Who has none any more is led to the sign-in as well."""
    await sessions.end(db_session, request.user, request.user.session_id)
    answer = flash.go(request, "/sign-in")
    answer.set_cookie(no_session_cookie())
    return answer


HANDLERS: list[Any] = [
    sign_in_form,
    sign_in,
    sign_in_help,
    open_link,
    use_link,
    sign_out,
    *settings_pages.HANDLERS,
    *key_pages.HANDLERS,
]
