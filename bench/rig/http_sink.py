"""A web service that answers everything at once: what is left of a call then is ours. A process of its own."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import Any

_LENGTH = re.compile(rb"^content-length: *(\d+)", re.IGNORECASE | re.MULTILINE)
_ANSWER = b'{"ok": true, "id": "o-1", "items": [{"sku": "a", "count": 2}, {"sku": "b", "count": 1}]}'
_REPLY = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_ANSWER), _ANSWER)


class Count:
    """What came over all connections together."""

    requests = connections = 0


class Session(asyncio.Protocol):
    """One connection: requests one after the other, none kept."""

    def __init__(self, count: Count) -> None:
        self._count, self._buffer = count, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._count.connections += 1

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (head := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._buffer, 0, head)
            end = head + 4 + (int(length[1]) if length else 0)
            if len(self._buffer) < end:
                return
            self._buffer = self._buffer[end:]
            self._count.requests += 1
            self._transport.write(_REPLY)


def run(ready: Any, report: Any) -> None:
    """Serve until SIGTERM. `ready` gets the port, `report` at the end the requests and connections that came."""
    count = Count()

    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Session(count), "127.0.0.1", 0, backlog=512)
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        ready.put(server.sockets[0].getsockname()[1])
        await stop.wait()
        server.close()

    asyncio.run(serve())
    report.put((count.requests, count.connections))
