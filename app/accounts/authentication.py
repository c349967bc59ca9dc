"""Authentication: turns an API key or a session cookie into the Principal in `scope["user"]`.

Routes under `/api/` know keys only and pages know sessions only, so that a page in a browser can never spend a key and a
stolen cookie can never call the API. One query a request, on a connection that is released before the handler starts.
"""

from __future__ import annotations

import hmac
import re
from datetime import datetime, timedelta
from typing import Any

from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.types import ASGIApp, Receive, Scope, Send
from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts import key_repository, keys, session_repository, sessions
from app.accounts.principal import Principal
from app.errors import SignedOut
from app.lib import clock, crypto, translation
from app.lib.single_flight import SingleFlight
from app.lib.translation import gettext
from app.models.status import Role
from app.settings import settings
from app.web import transactions

TOUCH_AFTER = timedelta(minutes=1)
"""`last_used_at` and `seen_at` are written at most this often, so that reading pages does not write a row each time."""
OPEN = ("/static/", "/health", "/metrics")
"""Paths without authentication; they must answer without the database."""
KEY = re.compile(r"tl_([a-z0-9]{10})_([A-Za-z0-9_-]{43})")
"""An API key: a public prefix to find it by, and 32 random bytes of which only the SHA-256 is stored."""
_YEAR = 365 * 24 * 3600


def cookie_name() -> str:
    """Over https the `__Host-` prefix keeps a neighbour subdomain from planting a session of its own."""
    return "__Host-session" if settings().web.secure_cookies else "session"


def session_cookie(token: str, *, lasting: bool) -> Cookie:
    """The cookie of a new session; without `lasting` the browser drops it when it closes. The server's expiry rules."""
    return Cookie(
        key=cookie_name(),
        value=token,
        max_age=_YEAR if lasting else None,
        httponly=True,
        secure=settings().web.secure_cookies,
        samesite="lax",
        path="/",
    )


def no_session_cookie() -> Cookie:
    """The cookie that takes the session cookie away."""
    return Cookie(
        key=cookie_name(),
        value="",
        max_age=0,
        httponly=True,
        secure=settings().web.secure_cookies,
        samesite="lax",
        path="/",
    )


class Authentication:
    """ASGI middleware. It only identifies the principal; `guards.Guard` authorises."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._keys: SingleFlight[Principal | None] = SingleFlight()
        """A program that sends on 64 connections costs one look at its key for dozens of requests, none of them stale."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"] = None
        if scope["type"] in ("http", "websocket") and not scope["path"].startswith(OPEN):
            connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
            if scope["path"].startswith("/api/"):
                translation.use(translation.ENGLISH)
                if match := KEY.fullmatch(_bearer(connection.headers.get("authorization", ""))):
                    prefix, secret = match[1], match[2]

                    async def look() -> Principal | None:
                        async with transactions.short_transaction(scope) as session:
                            return await key_principal(session, prefix, secret)

                    scope["user"] = await self._keys((prefix, secret), look)
            elif token := connection.cookies.get(cookie_name(), ""):
                async with transactions.short_transaction(scope) as session:
                    scope["user"] = await session_principal(session, token)
            if not scope["path"].startswith("/api/"):
                translation.use(_language(connection, scope["user"]))
        await self.app(scope, receive, send)


def _language(connection: ASGIConnection[Any, Any, Any, Any], principal: Principal | None) -> str:
    """Of a page: what its reader chose, else what the browser asks for."""
    own = principal.language if principal else ""
    return own or translation.preferred(connection.headers.get("accept-language", ""))


def _bearer(header: str) -> str:
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""


class KeyOver(SignedOut):
    """This API key works no more. Ask an admin of the workspace for a new one."""

    code = "key_over"


async def key_principal(session: AsyncSession, prefix: str, secret: str) -> Principal | None:
    """The principal of an API key, with the role that its maker has left it. Notes that it was used.

    None for an unknown key. KeyOver tells the holder of the whole key why it no longer works: revoked, expired, or its maker left.
    """
    row = await key_repository.key_by_prefix(session, prefix)
    now = clock.now()
    if row is None or not hmac.compare_digest(row.key_hash, crypto.fingerprint(secret)):
        return None
    if row.revoked_at is not None:
        raise KeyOver(gettext("This API key was revoked. Ask an admin of the workspace for a new one."))
    if row.expires_at is not None and row.expires_at <= now:
        raise KeyOver(
            gettext(
                "This API key expired on %(expires_at)s. Ask an admin of the workspace for a new one.",
                expires_at=f"{row.expires_at:%Y-%m-%d}",
            )
        )
    role = keys.effective_role(Role(row.role), row.created_by, Role(row.maker_role) if row.maker_role else None)
    if role is None:
        raise KeyOver(
            gettext("The person who made this API key is no longer in the workspace. Ask an admin for a new one.")
        )
    if _stale(row.last_used_at, now):
        await key_repository.note_use(session, row.id, now)
    return Principal(
        kind="key",
        id=row.id,
        tenant_id=row.tenant_id,
        role=role,
        name=row.name,
        workspace=row.workspace,
        timezone=row.timezone,
        country=row.country,
        scopes=None if row.scopes is None else frozenset(row.scopes),
        maker_id=row.created_by,
        standing=row.standing,
    )


async def session_principal(session: AsyncSession, token: str) -> Principal | None:
    """The principal of a session cookie; None when it is unknown, over, or the user was disabled or removed.

    Each use moves its end away, as far as `sessions.end_of` lets it.
    """
    now = clock.now()
    row = await session_repository.session_by_token(session, crypto.fingerprint(token), now)
    if row is None or sessions.end_of(row.created_at, now, lasting=row.lasting) <= now:
        return None
    if _stale(row.seen_at, now):
        expires_at = sessions.end_of(row.created_at, now, lasting=row.lasting)
        await session_repository.note_seen(session, row.id, now, expires_at)
    return Principal(
        kind="user",
        id=row.user_id,
        tenant_id=row.tenant_id,
        role=Role(row.role),
        name=row.name or row.email,
        email=row.email,
        workspace=row.workspace,
        timezone=row.timezone,
        country=row.country,
        own_timezone=row.own_timezone or "",
        language=row.language or "",
        theme=row.theme or "",
        session_id=row.id,
    )


def _stale(at: datetime | None, now: datetime) -> bool:
    return at is None or now - at >= TOUCH_AFTER
