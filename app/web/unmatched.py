"""Pages that no route fits, seen by the middleware all the same: an error page that knows who is signed in has their navigation.

The framework refuses such an address (404, or 405 where only forms are sent to it) before any middleware runs.
"""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, get
from litestar.exceptions import MethodNotAllowedException, NotFoundException

from app.errors import NotFound
from app.web.assets import PREFIX
from app.web.problems import PROGRAMS

ADDRESS = "/unmatched"
ELSEWHERE = (*PROGRAMS, f"/{PREFIX.strip('/')}/")
"""Paths of programs and files: the framework's refusal is theirs, without a look at who asks."""


class PageRouting:
    """Finds the handler of a request as `routing` does, and `refuse_address` for pages to which it has none."""

    def __init__(self, routing: Any) -> None:
        self.routing = routing

    def __call__(self, path: str, method: str | None) -> Any:
        try:
            return self.routing(path=path, method=method)
        except (NotFoundException, MethodNotAllowedException):
            if method != "GET" or path.startswith(ELSEWHERE):
                raise
            asgi_app, handler, *_ = self.routing(path=ADDRESS, method=method)
            return asgi_app, handler, path, {}, ADDRESS


@get(ADDRESS, public=True, any_query=True, include_in_schema=False)
async def refuse_address(request: Request[Any, Any, Any]) -> None:
    """Ask the router once more, now behind the middleware: it refuses with its own words, such as the methods that it takes."""
    routing: Any = request.app.asgi_router.handle_routing
    routing.routing(path=request.scope["path"], method=request.method)
    raise NotFound


def install(app: Litestar) -> None:
    """Let `app` answer pages that no route fits by `refuse_address`, which is one of its handlers."""
    router: Any = app.asgi_router
    router.handle_routing = PageRouting(router.handle_routing)
