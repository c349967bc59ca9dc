"""Deny by default: a handler declares `role=Role.…` or `public=True`, or the app does not start."""

from __future__ import annotations

from typing import Any

from litestar import Litestar
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler

from app.accounts.principal import Principal
from app.errors import Forbidden, SignedOut
from app.models.status import Role


async def authorize(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The app-level guard. Raises SignedOut without a principal and Forbidden below the wanted role."""
    if handler.opt.get("public"):
        return
    principal: Principal | None = connection.scope.get("user")
    if principal is None:
        raise SignedOut
    if "role" not in handler.opt:  # the answer to OPTIONS, which the framework adds: it tells the methods, no more
        return
    wanted = Role(handler.opt["role"])
    if not principal.role.covers(wanted):
        raise Forbidden(f"This needs the role {wanted}; yours is {principal.role}. Ask an admin of the workspace.")


def undeclared(app: Litestar) -> list[str]:
    """Paths of HTTP handlers that say neither `role` nor `public`. The app refuses to start when there are any."""
    return [
        f"{route.path} ({handler.handler_name})"
        for route in app.routes
        for handler in getattr(route, "route_handlers", [])
        if isinstance(handler, HTTPRouteHandler)
        and not handler.opt.get("public")
        and "role" not in handler.opt
        and not handler.opt.get("exclude_from_auth")
        and handler.handler_name != "options_handler"
    ]
