"""A workflow whose step calls a web service, for tests of what leaves and of what workers do that die."""

from __future__ import annotations

import json
from typing import Any

from app.connectors.senders import seal_password
from app.lib.ids import uuid7
from tests.fixtures.world import World, flow, node

RETRY = {"attempts": 3, "backoff": {"type": "fixed", "delay": 0, "jitter": False}}
OUTPUT = "select output from steps where node_id = 'a'"
CALLS = "select status, times, detail from outbound_calls order by run_id, seq, attempt"


def requesting(url: str, retry: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """Enter by `go`, call, and be tagged by the answer, or `bad` when it failed."""
    nodes = [
        node("a", "http_request", retry, url=url, **data),
        node("t", "add_tag", tag="{{ steps.a.body.n }}"),
        node("bad", "add_tag", tag="bad"),
    ]
    return flow("go", nodes, ("trigger", "a"), ("a", "t"), ("a", "bad", "error"))


def connector(world: World, base_url: str, **config: Any) -> str:
    connector_id = uuid7()
    settings = {"baseUrl": base_url, "auth": "bearer", "username": "", "header": "", "testPath": "", **config}
    secret = seal_password("http", connector_id, settings, "t0ken")
    world.db.execute(
        "insert into connectors (tenant_id, id, type, channel, name, config, secret) values (%s, %s, 'http', 0, 'API', %s, %s)",
        (world.tenant, connector_id, json.dumps(settings), secret),
    )
    return str(connector_id)
