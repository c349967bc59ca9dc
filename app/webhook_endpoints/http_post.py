"""One POST to an address that a user named. The connection goes where `app.lib.egress` lets it, redirects are not followed.

The only function that calls the outside for endpoints. What it reads is capped, its whole time is one deadline.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from app.lib import egress
from app.lib.redaction import redacted
from app.webhook_endpoints.backoff import Reply

TIMEOUT_S = 15.0
MOST_READ = 65_536
"""Bytes of an answer that are read."""
MOST_KEPT = 1_000
"""Characters of its body that are kept."""


class BadAnswer(Exception):
    """This is not an answer of HTTP."""


async def post(url: str, headers: Mapping[str, str], body: bytes, within_s: float = TIMEOUT_S) -> Reply:
    """Send `body`; what came of it. Raises nothing of the network."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(within_s):
            reply = await _exchange(url, headers, body)
    except TimeoutError:
        reply = Reply(None, error=f"There was no answer within {within_s:g} seconds.")
    except egress.Blocked:
        reply = Reply(None, error="This address is not on the public internet, so nothing is sent there.")
    except ssl.SSLCertVerificationError as error:
        reply = Reply(None, error=f"The certificate of the endpoint is not valid: {error.verify_message}.")
    except (OSError, ValueError, BadAnswer, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        reply = Reply(None, error=f"The endpoint could not be reached: {_why(error)}.")
    return reply._replace(duration_ms=int((time.monotonic() - began) * 1_000))


def _why(error: Exception) -> str:
    """In a few words, without the address that a name stands for."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno) if error.errno > 0 else str(error.strerror)
    return "it hung up" if isinstance(error, asyncio.IncompleteReadError) else redacted(str(error))[:200]


async def _exchange(url: str, headers: Mapping[str, str], body: bytes) -> Reply:
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    peer = await egress.connect(host, port)
    try:
        reader, writer = await asyncio.open_connection(
            sock=peer.sock,
            ssl=ssl.create_default_context() if secure else None,
            server_hostname=egress.host_name(host) if secure else None,
        )
    except BaseException:
        peer.sock.close()
        raise
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {
            "Host": parts.netloc.rpartition("@")[2],
            **headers,
            "Content-Length": str(len(body)),
            "Connection": "close",
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        writer.write(f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body)
        await writer.drain()
        return await _reply(reader)
    finally:
        writer.close()
        with suppress(Exception):
            await asyncio.wait_for(writer.wait_closed(), 0.5)


async def _reply(reader: asyncio.StreamReader) -> Reply:
    raw = await reader.readuntil(b"\r\n\r\n")
    lines = raw.decode("latin-1").split("\r\n")
    version, _, line = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not line[:3].isdigit():
        raise BadAnswer("it does not speak HTTP")
    sent = {name.strip().lower(): value.strip() for name, _, value in (one.partition(":") for one in lines[1:])}
    length = sent.get("content-length", "")
    most = min(int(length), MOST_READ) if length.isdigit() else MOST_READ
    received = b""
    with suppress(ConnectionError):  # the status is what counts
        while len(received) < most and (piece := await reader.read(most - len(received))):
            received += piece
    if sent.get("transfer-encoding", "").lower() == "chunked":
        received = _joined(received)
    retry_after = sent.get("retry-after", "")
    text = received.decode("utf-8", "replace").replace("\0", "")
    return Reply(
        int(line[:3]), redacted(text)[:MOST_KEPT], retry_after=int(retry_after) if retry_after.isdigit() else None
    )


def _joined(chunks: bytes) -> bytes:
    """The body that came in chunks, as far as it was read."""
    body, at = b"", 0
    while (end := chunks.find(b"\r\n", at)) > 0:
        try:
            size = int(chunks[at:end].split(b";")[0], 16)
        except ValueError:
            break
        body += chunks[end + 2 : end + 2 + size]
        at = end + 4 + size
        if not size:
            break
    return body
