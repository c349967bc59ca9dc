"""What the web process counts about itself, in Prometheus' words. `app.system` adds what the database knows."""

from __future__ import annotations

import time

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, GCCollector, Histogram, PlatformCollector, ProcessCollector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)
REQUESTS = Histogram(
    "throughline_http_request_duration_seconds",
    "Requests by route template; the count is the number of requests.",
    ("method", "route", "status"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=REGISTRY,
)


class RequestMetrics:
    """ASGI middleware, the outermost: how long each request took, by the template of its route and never by its path."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            handler, route = scope.get("route_handler"), str(scope.get("path_template") or "other")
            lasts = handler is not None and handler.opt.get("stream") and status == 200  # as long as its client likes
            if not lasts:
                REQUESTS.labels(scope["method"], route, str(status)).observe(time.perf_counter() - started)
