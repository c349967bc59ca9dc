"""The pages that an invitation leads to: what it is for, and three ways to accept it."""

from __future__ import annotations

import functools
from typing import Any

from litestar import Response, get, post
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import invitations, passwords, service, sessions, throttle
from app.accounts.authentication import no_session_cookie
from app.accounts.deps import AppRequest, Database
from app.accounts.devices import known_device
from app.accounts.entering import PRIVATE, begin, token_of
from app.accounts.invitations import Opened
from app.accounts.sessions import WrongPassword
from app.errors import AppError, Invalid, TooMany
from app.lib.translation import gettext
from app.models.status import Role
from app.web import flash, transactions
from app.web.client_address import client_address
from app.web.form_errors import errors_by_path
from app.web.fragments import page


@get("/invitation", public=True, any_query=True)
async def open_invitation(request: AppRequest) -> Template:
    """The page of an invitation link. Its token is in the fragment, which no server and no log sees; a script posts it."""
    return page(
        request, "accounts/link.html", headers=PRIVATE, action="/invitation", heading=gettext("Open your invitation")
    )


def _shown(
    request: AppRequest,
    invitation: Opened,
    token: str,
    *,
    error: AppError | None = None,
    form_values: dict[str, str] | None = None,
) -> Template:
    status = error.status_code if error else 200
    own_invitation = request.user is not None and request.user.email == invitation.email
    headers = {**PRIVATE, **({"Retry-After": str(error.retry_after)} if error and error.retry_after else {})}
    return page(
        request,
        "accounts/invitation.html",
        status_code=status,
        headers=headers,
        invitation=invitation,
        token=token,
        own_invitation=own_invitation,
        form_values=form_values or {"name": invitation.name, "how": ""},
        errors=errors_by_path(error),
    )


@post("/invitation", public=True, any_query=True, status_code=200)
async def show_invitation(request: AppRequest, db_session: Database) -> Template:
    """Which workspace invites whom, as what. It uses nothing up."""
    token = await token_of(request)
    return _shown(request, await invitations.opened(db_session, token), token)


@post("/invitation/accept", public=True, any_query=True, status_code=200)
async def accept_invitation(request: AppRequest, db_session: Database) -> Template | Response[bytes]:
    """Become a member: with a new account, with one whose password one knows, or with the one that is signed in."""
    form, token = await request.form(), await token_of(request)
    own = functools.partial(transactions.short_transaction, request.scope)
    async with own() as session:  # nothing is held while passwords are worked on
        invitation = await invitations.opened(session, token)
    form_values = {"name": str(form.get("name", "")), "how": str(form.get("how", ""))}
    if request.user and request.user.email != invitation.email:
        return _shown(request, invitation, token)
    try:
        if form_values["how"] == "known":
            return await _with_password(request, db_session, token, invitation, str(form.get("current", "")))
        if form_values["how"] == "signed-in" and request.user:
            return await _signed_in(request, db_session, token)
        return await _with_new_account(
            request, db_session, token, invitation, form_values["name"], str(form.get("password", ""))
        )
    except (Invalid, TooMany) as error:
        return _shown(request, invitation, token, error=error, form_values=form_values)


async def _with_new_account(
    request: AppRequest, session: AsyncSession, token: str, invitation: Opened, name: str, password: str
) -> Response[bytes]:
    name = service.clean_name(name)
    secret = await passwords.hashed(passwords.checked_password(password, invitation.email))
    address = client_address(request.scope)
    user_id = await invitations.accept_new(session, token, name=name, password_hash=secret, address=address)
    return await begin(
        request, session, user_id, "/", lasting=True, tenant_id=invitation.tenant_id, text=_welcome(invitation)
    )


async def _with_password(
    request: AppRequest, session: AsyncSession, token: str, invitation: Opened, password: str
) -> Response[bytes]:
    address = client_address(request.scope)
    try:
        own = functools.partial(transactions.short_transaction, request.scope)
        budgets = throttle.of_sign_in(invitation.email, address, known_device(request, invitation.email))
        user_id = await sessions.check_password(own, invitation.email, password, budgets)
    except (WrongPassword, TooMany) as error:
        why = error.message if isinstance(error, TooMany) else gettext("The password is wrong.")
        error.errors = [{"path": "current", "message": why}]
        if isinstance(error, TooMany):
            raise
        raise Invalid(errors=error.errors) from error
    await invitations.accept_as(session, token, user_id, session_id=None, address=address)
    return await begin(
        request, session, user_id, "/", lasting=True, tenant_id=invitation.tenant_id, text=_welcome(invitation)
    )


async def _signed_in(request: AppRequest, session: AsyncSession, token: str) -> Response[bytes]:
    user, address = request.user, client_address(request.scope)
    invitation = await invitations.accept_as(session, token, user.id, session_id=user.session_id, address=address)
    await sessions.switch(session, user, invitation.tenant_id)
    return flash.go(request, "/", _welcome(invitation))


@post("/invitation/sign-out", role=Role.VIEWER)
async def leave_for_invitation(request: AppRequest, db_session: Database) -> Response[bytes]:
    """Another user is signed in: sign them out and return to the invitation."""
    token = await token_of(request)
    await sessions.end(db_session, request.user, request.user.own_session)
    answer = flash.go(request, f"/invitation#{token}")
    answer.set_cookie(no_session_cookie())
    return answer


def _welcome(invitation: Opened) -> str:
    return gettext("Welcome to %(workspace)s.", workspace=invitation.workspace)


ROUTES: list[Any] = [open_invitation, show_invitation, accept_invitation, leave_for_invitation]
