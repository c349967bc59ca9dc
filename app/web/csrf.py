"""Cross-site request forgery: every unsafe request of a page proves that the page was ours.

Signed in, the proof is an HMAC of the session's id: a planted cookie is worth nothing and the proof dies with the session.
Before sign-in (the sign-in form, public forms) it is a signed random cookie sent twice. Browsers also say where a request
comes from (`Sec-Fetch-Site`, older ones `Origin`); what comes from elsewhere is refused whatever it carries, and whoever is
signed in. Who has no session where one is needed is asked to sign in (`guards.Guard`), and no proof is looked at. The API knows
no cookies and is left out.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from litestar.utils.scope.state import ScopeState

from app.errors import Forbidden
from app.lib import crypto
from app.settings import settings

COOKIE, HEADER, FIELD = "csrf", "x-csrftoken", "_csrf_token"
CHANGED = "X-Session"
"""Header of a refusal for `static/session.js`: `over` when nobody is signed in, `changed` when the page belongs to another
session or workspace. It asks to sign in, or to go back, and sends the request again."""
EXEMPT = ("/api/", "/static/", "/health", "/metrics")
_SAFE = ("GET", "HEAD", "OPTIONS")
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


class CsrfFailed(Forbidden):
    """This page is too old to be sent, or did not come from here. Load it again and repeat your change."""

    code = "csrf_failed"


def proof_cookie() -> str:
    """The name of the cookie. Over https the `__Host-` prefix keeps a neighbour subdomain from planting one."""
    return f"__Host-{COOKIE}" if settings().web.secure_cookies else COOKIE


def token_of_session(session_id: UUID, tenant_id: int) -> str:
    """The proof of a signed-in session in one workspace; the cookie `csrf` and the forms carry it.

    A page of one workspace proves nothing in another: who switched in a second tab must not save the first one's form there.
    """
    return crypto.sign("csrf.session", f"{session_id} {tenant_id}")


def masked(token: str) -> str:
    """The proof as pages carry it, another text each time: pages are compressed, and how long one is must not tell what stands in it
    (the attack called BREACH)."""
    raw = token.encode()
    pad = secrets.token_bytes(len(raw))
    hidden = pad + bytes(one ^ other for one, other in zip(pad, raw, strict=True))
    return "~" + base64.urlsafe_b64encode(hidden).decode()


def unmasked(token: str) -> str:
    """What `masked` made it from; what is not masked is answered as it is, and what is neither as nothing."""
    if not token.startswith("~"):
        return token
    try:
        hidden = base64.b64decode(token[1:], altchars=b"-_", validate=True)
        pad, masked = hidden[: len(hidden) // 2], hidden[len(hidden) // 2 :]
        return bytes(one ^ other for one, other in zip(pad, masked, strict=True)).decode()
    except ValueError:
        return ""


class Proof:
    """ASGI middleware, inside `Authentication`: refuses what comes from elsewhere, and gives every page, also one of refusal, the
    proof that its forms send back."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or _left_out(scope):
            await self.app(scope, receive, send)
            return
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope)
        cookie = connection.cookies.get(proof_cookie(), "")
        fresh = _expected(scope, cookie) or crypto.sign("csrf.visitor", secrets.token_urlsafe(16))
        ScopeState.from_scope(scope).csrf_token = masked(fresh)
        if scope["method"] not in _SAFE and _from_elsewhere(connection):
            raise CsrfFailed
        await self.app(scope, receive, send if cookie == fresh else _with_cookie(send, fresh))


class CsrfMiddleware:
    """ASGI middleware, where the body has been read: asks for the proof. Handlers with the option `csrf_exempt` are left out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] not in _SAFE and not _left_out(scope):
            request: Request[Any, Any, Any] = Request(scope, receive=receive)
            token = _expected(scope, request.cookies.get(proof_cookie(), ""))
            if token is None or not _same(await _given(request), token):
                raise CsrfFailed(headers={CHANGED: "changed"} if scope.get("user") else None)
        await self.app(scope, receive, send)


def _same(sent_token: str, token: str) -> bool:
    """Is it our token, or the same proof signed with an older secret key?"""
    if hmac.compare_digest(sent_token.encode(), token.encode()):
        return True
    purpose = "csrf.session"
    try:
        return crypto.unsign(purpose, sent_token) == crypto.unsign(purpose, token)
    except crypto.CannotUnseal:
        return False


def _left_out(scope: Scope) -> bool:
    handler = scope.get("route_handler")
    return scope["path"].startswith(EXEMPT) or bool(handler is not None and handler.opt.get("csrf_exempt"))


def _from_elsewhere(request: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """Does the browser say that another site sent this? Programs send no such headers; they need the token too."""
    if site := request.headers.get("sec-fetch-site"):
        return site not in ("same-origin", "none")
    origin = request.headers.get("origin")
    if origin is None:
        return False
    scheme, _, host = origin.partition("://")
    own_hosts = (request.headers.get("host"), urlsplit(settings().web.base_url).netloc)
    schemes = ("https",) if settings().web.secure_cookies else ("http", "https")
    return scheme not in schemes or host not in own_hosts  # "null" is a sandboxed frame, or a redirect from elsewhere


def _expected(scope: Scope, cookie: str) -> str | None:
    principal = scope.get("user")
    if principal is not None and principal.session_id is not None:
        return token_of_session(principal.session_id, principal.tenant_id)
    try:
        crypto.unsign("csrf.visitor", cookie)
    except crypto.CannotUnseal:
        return None
    return cookie


async def _given(request: Request[Any, Any, Any]) -> str:
    if header := request.headers.get(HEADER):
        return unmasked(header)
    if request.content_type[0] in _FORMS:
        field = (await request.form()).get(FIELD)
        return unmasked(field) if isinstance(field, str) else ""
    return ""


def _with_cookie(send: Send, token: str) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers, name, secure = (
                MutableScopeHeaders.from_message(message),
                proof_cookie(),
                settings().web.secure_cookies,
            )
            cookie = Cookie(key=name, value=token, secure=secure, httponly=True, samesite="lax", path="/")
            if not any(value.startswith(f"{name}=") for value in headers.getall("set-cookie", [])):
                headers.add("set-cookie", cookie.to_header(header=""))
        await send(message)

    return wrapped
