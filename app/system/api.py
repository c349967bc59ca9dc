"""`/health/live`, `/health/ready` and `/metrics`."""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any

from litestar import Response, get
from prometheus_client import CONTENT_TYPE_LATEST

from app.accounts.deps import AppRequest, Database
from app.errors import Forbidden
from app.lib.database_roles import DatabaseRole
from app.settings import settings
from app.system import service
from app.system.health import Health
from app.web.transactions import by_role


@get("/health/live", public=True, any_query=True, deadline=5)
async def live() -> dict[str, str]:
    """The process answers. It looks at nothing else: a restart would not bring a database back."""
    return {"status": "ok"}


@get("/health/ready", public=True, any_query=True, deadline=5)
async def ready(request: AppRequest) -> Response[Health]:
    """May traffic come here? 503 only when the database or its schema is not fit; what else is missing is named."""
    health = await request.app.state["health"].ask()
    down = health.status == "down"
    headers = {"Cache-Control": "no-store", **({"Retry-After": "5"} if down else {})}
    return Response(health, status_code=503 if down else 200, headers=headers)


@get("/metrics", public=True, any_query=True)
async def metrics(request: AppRequest, db_session: Database) -> Response[bytes]:
    """For Prometheus, with the token of THROUGHLINE_METRICS_TOKEN. In local mode this machine itself may read without one."""
    _may_read(request)
    return Response(await service.exposition(db_session), media_type=CONTENT_TYPE_LATEST)


def _may_read(request: AppRequest) -> None:
    token = settings().metrics_token
    if token:
        sent_token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent_token.encode(), token.encode()):
            raise Forbidden("Send `Authorization: Bearer` with the value of THROUGHLINE_METRICS_TOKEN.")
        return
    # Behind a proxy on the same machine the whole world is a loopback client, and no header says so for certain.
    if not settings().local:
        raise Forbidden("Set THROUGHLINE_METRICS_TOKEN and send it as `Authorization: Bearer` to read metrics.")
    forwarded = any(name in request.headers for name in _FORWARDED)
    if forwarded or request.client is None or not _is_loopback(request.client.host):
        raise Forbidden("Set THROUGHLINE_METRICS_TOKEN to read metrics from another machine.")


_FORWARDED = ("x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "forwarded", "via")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


ROUTES: list[Any] = by_role(DatabaseRole.ENGINE, [live, ready, metrics])
