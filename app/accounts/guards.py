"""Deny by default: a handler declares `role=Role.…` or `public=True`, and in the API its `scope=` too, or the app does not start."""

from __future__ import annotations

from typing import Any, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from app.accounts.principal import Principal
from app.errors import AppError, Forbidden, SignedOut
from app.lib.formats import word_inside
from app.lib.translation import gettext
from app.models.status import Role


def access_refusal(principal: Principal | None, handler: BaseRouteHandler) -> AppError | None:
    """Why `principal` may not use `handler`: SignedOut, Forbidden with the sentence that says what is missing, or None.

    The one place that answers this; `Guard` asks it before anything is told or done for a request.
    """
    if handler.opt.get("public"):
        return None
    if principal is None:
        return SignedOut()
    if "role" not in handler.opt:  # the answer to OPTIONS, which the framework adds: it tells the methods, no more
        return None
    wanted = Role(handler.opt["role"])
    if not principal.role.covers(wanted):
        return Forbidden(
            gettext(
                "This needs the role %(wanted)s; yours is %(role)s. Ask an admin of the workspace.",
                wanted=word_inside(wanted, noun=True),
                role=word_inside(principal.role, noun=True),
            )
        )
    if principal.scopes is not None and "scope" not in handler.opt:  # a page, which knows no keys
        return Forbidden()
    return missing_scope(principal, handler.opt.get("scope"))


def missing_scope(principal: Principal, scope: str | None) -> Forbidden | None:
    """The refusal of a key that lacks `scope`; None when it holds it. For handlers of which a part needs a scope of its own."""
    if principal.may_touch(scope):
        return None
    return Forbidden(
        gettext(
            "This key lacks the scope %(scope)s. Use a key that holds it, or ask an admin of the workspace for one.",
            scope=scope,
        ),
        code="missing_scope",
        headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        scope=scope,
    )


class Guard:
    """ASGI middleware, inside `Authentication`. Raises what `access_refusal` answers, before a body is read or an answer looked for."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            refused = access_refusal(cast("Principal | None", scope.get("user")), cast("Any", scope["route_handler"]))
            if refused is not None:
                raise refused
        await self.app(scope, receive, send)


def undeclared(app: Litestar) -> list[str]:
    """Paths of HTTP handlers without a declared role or `public=True`. The app refuses to start when there are any.

    `role` or `public` is said by all, `scope` by the API: a `Scope`, or None for what every key may do.
    """
    return [
        f"{route.path} ({handler.handler_name})"
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler)
        and not handler.opt.get("public")
        and not ("role" in handler.opt and (not route.path.startswith("/api/") or "scope" in handler.opt))
        and not handler.opt.get("exclude_from_auth")
        and handler.handler_name != "options_handler"
    ]
