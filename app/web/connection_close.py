"""A request that is answered before all of it was read gets `Connection: close`, and its socket is closed soon after the answer.

The server does that by itself, as a rule at once. But on a busy machine one in some hundred sockets of clients that had stopped sending
stayed open for as long as the client liked (granian 2.8.7), and so does one whose client sends on and never reads. So who was
answered early is written down, and `CLOSE_S` later what is still open is shut down: the server then sees its end, as if the
client had gone. That frees the socket whatever the client does.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
import stat
from collections.abc import Set
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()
CLOSE_S = 3.0
"""Time for a client that is still sending to read the answer."""
_SWEEP_S = 1.0
"""The open files of the process are looked through so often at most."""


class RemoteEnd(NamedTuple):
    """The other end of a connection, and the port of this end."""

    address: str
    port: int
    own_port: int


class ConnectionClose:
    """ASGI application around whatever may answer early, for HTTP/1; in HTTP/2 a request is a stream and has no socket of its own."""

    def __init__(self, app: ASGIApp, seconds: float = CLOSE_S) -> None:
        self.app = app
        self._answered = _AnsweredEarly(seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["http_version"].startswith("1"):
            await self.app(scope, receive, send)
            return
        whole = not _has_body(scope)
        self.forget(scope)

        async def received() -> Any:
            nonlocal whole
            message: Any = await receive()
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        async def sent(message: Message) -> None:
            early = not whole
            if early and message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)
            if early and message["type"] == "http.response.body" and not message.get("more_body"):
                self._answered.add(scope)

        await self.app(scope, received, sent)

    def forget(self, scope: Scope) -> None:
        """The client asks something, so a connection of its that was to be closed is gone. For requests that do not come this way."""
        self._answered.forget(scope)


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


def _peer(scope: Scope) -> RemoteEnd | None:
    client, server = scope.get("client"), scope.get("server")
    if not (client and server and client[1] and server[1]):
        return None  # a socket of this machine's file system: its client is a proxy of ours
    return RemoteEnd(_plain(client[0]), int(client[1]), int(server[1]))  # granian writes ports as text


def _plain(address: str) -> str:
    """The address as everybody writes it: an IPv4 address that came by a socket of IPv6 is one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)


class _AnsweredEarly:
    """Peers whose connection is to be gone within `seconds`. It holds no more than were answered in that time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._due: dict[RemoteEnd, float] = {}
        self._sweeper: asyncio.Task[None] | None = None

    def add(self, scope: Scope) -> None:
        """The peer of this request got its answer."""
        self.forget(scope)
        if (peer := _peer(scope)) is None:
            return
        self._due[peer] = asyncio.get_running_loop().time() + self._seconds
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep())

    def forget(self, scope: Scope) -> None:
        """The peer asks something, so it has a new connection: the old one takes no more requests."""
        if self._due and (peer := _peer(scope)) is not None:
            self._due.pop(peer, None)

    async def _sweep(self) -> None:
        now = asyncio.get_running_loop().time
        while self._due:
            await asyncio.sleep(max(next(iter(self._due.values())) - now(), min(_SWEEP_S, self._seconds)))
            overdue = {peer for peer, due in self._due.items() if due <= now()}
            for peer in overdue:
                self._due.pop(peer, None)
            if overdue and (closed := await asyncio.to_thread(shut_down, overdue)):
                log.info("connections.shut_down", count=closed)


def shut_down(peers: Set[RemoteEnd]) -> int:
    """Shut down the connections of this process that have these peers, both ways; how many there were.

    The descriptors stay with whoever owns them, and what was written and not yet received is still delivered.
    """
    ports, count = {(peer.port, peer.own_port) for peer in peers}, 0
    for file in Path("/dev/fd").iterdir():
        with contextlib.suppress(OSError), _connection(int(file.name)) as connection:
            if connection.family not in (socket.AF_INET, socket.AF_INET6):
                continue
            (address, port, *_), own_port = connection.getpeername(), connection.getsockname()[1]
            if (port, own_port) in ports and RemoteEnd(_plain(address), port, own_port) in peers:
                connection.shutdown(socket.SHUT_RDWR)
                count += 1
    return count


def _connection(descriptor: int) -> socket.socket:
    """The socket behind a descriptor, by one of its own. Raises OSError when there is none."""
    if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
        raise OSError
    own = os.dup(descriptor)
    try:
        return socket.socket(fileno=own)
    except OSError:
        os.close(own)
        raise
