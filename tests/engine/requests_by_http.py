"""A workflow whose step calls a web service, for tests of what leaves and of what workers do that die."""

from __future__ import annotations

from typing import Any

from tests.fixtures.world import flow, node

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
