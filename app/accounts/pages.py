"""Pages without a session: sign in, one-time links, sign out."""

from __future__ import annotations

import functools
import re
from typing import Any
from urllib.parse import quote, urlsplit
from uuid import UUID

import structlog
from litestar import Response, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import invitation_pages, key_pages, people_pages, sessions, settings_pages, sign_in_links, throttle
from app.accounts.authentication import no_session_cookie
from app.accounts.deps import AppRequest, Database
from app.accounts.devices import known_device
from app.accounts.entering import PRIVATE, begin, token_of
from app.accounts.sessions import WrongPassword
from app.accounts.sign_in_links import LinkOver
from app.errors import TooMany
from app.lib.database_roles import DatabaseRole
from app.lib.translation import gettext
from app.models.status import Role
from app.settings import settings
from app.web import csrf, flash, transactions
from app.web.client_address import client_address
from app.web.fragments import page
from app.web.wording import for_people

log = structlog.get_logger()
_OURS = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


def safe_next(target: str | None) -> str:
    """`target` when it is a path of this site that makes sense after signing in, else `/`."""
    if target and _OURS.fullmatch(target) and not target.startswith(("/sign-", "/api/")):
        return target
    return "/"


def _form(
    request: AppRequest,
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


@get("/sign-in", public=True, any_query=True)
async def sign_in_form(request: AppRequest, next: FromQuery[str | None] = None) -> Template | Response[bytes]:
    """The form; who is signed in already goes on."""
    target = safe_next(next)
    return flash.go(request, target) if request.user else _form(request, target)


@post("/sign-in", public=True, any_query=True, status_code=200)
async def sign_in(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Check email and password and begin a session, or give the form back with what is wrong."""
    form = await request.form()
    email, password = str(form.get("email", "")), str(form.get("password", ""))
    target = safe_next(str(form.get("next", "")))
    own = functools.partial(transactions.short_transaction, request.scope)
    address, device = client_address(request.scope), known_device(request, email)
    budgets = throttle.of_sign_in(email, address, device)
    try:
        user_id = await sessions.check_password(own, email, password, budgets)
    except WrongPassword as error:
        log.warning("sign_in.wrong", address=address, known_device=device is not None)
        return _form(request, target, email, for_people(error.for_people), status=401)
    except TooMany as error:
        log.warning("sign_in.too_many", address=address, known_device=device is not None)
        return _form(request, target, email, for_people(error.for_people), 429, {"Retry-After": str(error.retry_after)})
    notice = await _untold(db_session, user_id)
    return await begin(request, db_session, user_id, target, lasting=bool(form.get("lasting")), text=notice)


async def _untold(session: AsyncSession, user_id: UUID) -> str | None:
    """A new sign-in never replaces another user's session without asking."""
    made_by = await sign_in_links.untold_link(session, user_id)
    return (
        gettext(
            "%(made_by)s made a sign-in link for you. Did you not ask for it? Look at your sessions.", made_by=made_by
        )
        if made_by
        else None
    )


@get("/sign-in/help", public=True, any_query=True)
async def sign_in_help(request: AppRequest) -> Template:
    """What to do without a password."""
    return page(request, "accounts/sign_in_help.html", local=settings().local)


@get("/sign-in/link", public=True, any_query=True)
async def open_link(request: AppRequest) -> Template:
    """The page of a sign-in link. Its token is in the fragment, which no server and no log sees; a script posts it."""
    return page(
        request,
        "accounts/link.html",
        headers=PRIVATE,
        action="/sign-in/link",
        heading=gettext("Open your sign-in link"),
    )


@get("/sign-in/link/{token:str}", public=True, any_query=True)
async def open_old_link(request: AppRequest, token: FromPath[str]) -> Response[bytes]:
    """Links of older releases have the token in the path. They end an hour, or a week, after they were made."""
    return flash.go(request, f"/sign-in/link#{quote(token)}")


@post("/sign-in/link", public=True, any_query=True, status_code=200)
async def show_link(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Whom the link is for, and a button: what scanners of mail open must not use it up.

    On one's own machine (`./dev run`) opening it is enough, as nobody else reads that terminal.
    """
    token = await token_of(request)
    try:
        user, _ = await sign_in_links.link_owner(db_session, token)
    except LinkOver:
        if request.user:
            return flash.go(request, "/")
        raise
    if settings().local:
        return await begin(request, db_session, await sign_in_links.use_link(db_session, token), "/", lasting=True)
    return page(request, "accounts/sign_in_link.html", headers=PRIVATE, who=user, token=token)


@post("/sign-in/link/use", public=True, any_query=True)
async def use_link(request: AppRequest, db_session: Database) -> Response[bytes]:
    """Use the link up and begin a session."""
    user_id = await sign_in_links.use_link(db_session, await token_of(request))
    return await begin(request, db_session, user_id, "/", lasting=True)


@get("/session", public=True, any_query=True)
async def who_is_signed_in(request: AppRequest) -> Response[dict[str, Any]]:
    """For `static/session.js`: whose session this browser has, in which workspace, and the proof for forms of it."""
    who = request.user
    identity: dict[str, Any] = {"user": None, "workspace": None}
    if who is not None:
        identity = {"user": str(who.id), "name": who.name, "workspace": who.tenant_id, "workspaceName": who.workspace}
        identity |= {"role": str(who.role), "csrf": csrf.masked(csrf.token_of_session(who.own_session, who.tenant_id))}
    return Response(identity, headers=PRIVATE)


@get("/session/return", role=Role.VIEWER)
async def signed_in_again(request: AppRequest) -> Template:
    """Where signing in again for another tab leads: it tells that tab, and is needed no more."""
    return page(request, "accounts/session_return.html", headers=PRIVATE)


@post("/sign-out", role=Role.VIEWER)
async def sign_out(request: AppRequest, db_session: Database) -> Response[bytes]:
    """End this session, here and in the database. Who has none any more is led to the sign-in as well."""
    await sessions.end(db_session, request.user, request.user.own_session)
    answer = flash.go(request, "/sign-in")
    answer.set_cookie(no_session_cookie())
    return answer


ROUTES: list[Any] = transactions.by_role(
    DatabaseRole.AUTH,
    [
        sign_in_form,
        sign_in,
        sign_in_help,
        open_link,
        open_old_link,
        show_link,
        use_link,
        sign_out,
        who_is_signed_in,
        signed_in_again,
        *invitation_pages.ROUTES,
        *people_pages.ROUTES,
        *settings_pages.ROUTES,
        *key_pages.ROUTES,
    ],
)
