"""A mail server that takes everything at once: what is left of a delivery then is ours. A process of its own."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from typing import Any

_MESSAGE_ID = re.compile(rb"^Message-ID: (<[^>\r\n]+>)", re.MULTILINE)
_GREETING = b"220 sink ready\r\n"
_HELLO = b"250-sink\r\n250-PIPELINING\r\n250-SIZE 10000000\r\n250 8BITMIME\r\n"
_END = b"\r\n.\r\n"


class Taken:
    """What all connections together took."""

    def __init__(self) -> None:
        self.mails = self.connections = self.bytes = 0
        self.ids: set[bytes] = set()


class Session(asyncio.Protocol):
    """One connection: commands by line, a text up to its dot, no copy kept."""

    def __init__(self, taken: Taken) -> None:
        self._taken, self._buffer, self._in_text = taken, bytearray(), False
        taken.connections += 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_GREETING)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = bytearray()
        while (end := self._buffer.find(_END if self._in_text else b"\r\n")) >= 0:
            if self._in_text:
                self._take(bytes(self._buffer[:end]))
                answers += b"250 2.0.0 Taken\r\n"
                del self._buffer[: end + len(_END)]
                self._in_text = False
                continue
            verb = bytes(self._buffer[:4]).upper()
            del self._buffer[: end + 2]
            answers += self._answer(verb)
        if answers:
            self._transport.write(answers)

    def _answer(self, verb: bytes) -> bytes:
        if verb == b"EHLO":
            return _HELLO
        if verb == b"DATA":
            self._in_text = True
            return b"354 Go on\r\n"
        if verb == b"QUIT":
            return b"221 Bye\r\n"
        return b"250 2.1.0 OK\r\n"

    def _take(self, text: bytes) -> None:
        self._taken.mails += 1
        self._taken.bytes += len(text)
        if match := _MESSAGE_ID.search(text):
            self._taken.ids.add(match[1])


def run(ready: Any, report: Any) -> None:
    """Listen on a free port of the loopback, put it into `ready`, and what was taken into `report` at SIGTERM."""
    asyncio.run(_serve(ready, report))


async def _serve(ready: Any, report: Any) -> None:
    loop, stop, taken = asyncio.get_running_loop(), asyncio.Event(), Taken()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    server = await loop.create_server(lambda: Session(taken), "127.0.0.1", 0)
    ready.put(server.sockets[0].getsockname()[1])
    async with server:
        await stop.wait()
    report.put((taken.mails, len(taken.ids), taken.connections, taken.bytes, time.process_time()))
