"""One POST to an address that a user named, by the one HTTP client. Redirects are not followed, what is read is capped."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from app.lib.http_client import HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, read_url
from app.lib.redaction import redacted
from app.webhook_endpoints.backoff import Reply

TIMEOUT_S = 15.0
MOST_READ = 65_536
"""Bytes of an answer that are read."""
MOST_KEPT = 1_000
"""Characters of its body that are kept."""


@asynccontextmanager
async def opened_client(connections: int = 1) -> AsyncIterator[HttpClient]:
    """A client for so many calls at a time, whose connections end with the block."""
    client = HttpClient(connections=connections)
    try:
        yield client
    finally:
        await client.close()


async def post(
    client: HttpClient, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float = TIMEOUT_S
) -> Reply:
    """Send `body`; what came of it. Raises nothing of the network."""
    began = time.monotonic()
    try:
        request = HttpRequest("POST", read_url(url), tuple(headers.items()), body)
        answer = await client.request(request, timeout_s=timeout_s, most_bytes=MOST_READ, whole=False)
    except (BadUrl, HttpFailed) as error:
        return Reply(None, error=redacted(str(error)), duration_ms=int((time.monotonic() - began) * 1_000))
    asked_pause = answer.header("retry-after").strip()
    return Reply(
        answer.status,
        redacted(answer.body.decode("utf-8", "replace").replace("\0", ""))[:MOST_KEPT],
        retry_after=int(asked_pause) if asked_pause.isdecimal() else None,
        duration_ms=answer.duration_ms,
    )
