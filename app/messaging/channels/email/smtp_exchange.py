"""Commands and answers on a connection that is ready for mail. Answers come in the order of the commands, so several may be on their way.

The library connects, secures and signs in, and would lose an answer that comes while another is picked up. No time-outs here: who
waits says for how long.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque

import aiosmtplib

MAX_ANSWER = 64 * 1024
"""Bytes of one answer; a server that says more says nothing to us."""
_FORBIDDEN = re.compile(rb"[\x00-\x1f\x7f]")
_INVALID = int(aiosmtplib.SMTPStatus.invalid_response)


class Answer(tuple[int, str]):
    """The code, and the words of all lines."""

    __slots__ = ()

    @property
    def code(self) -> int:
        return self[0]

    @property
    def words(self) -> str:
        return self[1]

    def expect(self, first_digit: int) -> str:
        """The words. Raises SMTPResponseException when the code does not begin with that digit."""
        if self.code // 100 != first_digit:
            raise aiosmtplib.SMTPResponseException(self.code, self.words)
        return self.words


class SmtpExchange(asyncio.Protocol):
    """Takes over a transport from the library. Raises SMTPServerDisconnected for every answer that does not come any more."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport, self._buffer = transport, bytearray()
        self._awaited: deque[asyncio.Future[Answer]] = deque()
        self._drained: asyncio.Future[None] | None = None
        self._error: Exception | None = None
        transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return self._error is None and not self._transport.is_closing()

    def say(self, *commands: bytes) -> list[asyncio.Future[Answer]]:
        """Send commands at once; their answers to be. Raises ValueError for one with a control character, and SMTPServerDisconnected."""
        if any(_FORBIDDEN.search(command) for command in commands):
            raise ValueError("a command holds a control character")
        return self.write(b"\r\n".join([*commands, b""]), len(commands))

    def write(self, data: bytes, answers: int = 0) -> list[asyncio.Future[Answer]]:
        """Send bytes as they are; so many answers come to them. Raises SMTPServerDisconnected when nobody listens."""
        if not self.is_open:
            raise self._error or aiosmtplib.SMTPServerDisconnected("Connection lost")
        loop = asyncio.get_running_loop()
        awaited: list[asyncio.Future[Answer]] = [loop.create_future() for _ in range(answers)]
        self._awaited += awaited
        self._transport.write(data)
        return awaited

    async def drain(self) -> None:
        """Wait until all that was written has left for the operating system. Raises SMTPServerDisconnected."""
        if not self._transport.get_write_buffer_size():
            return
        self._drained = asyncio.get_running_loop().create_future()
        self._transport.set_write_buffer_limits(0)
        if self._transport.get_write_buffer_size():
            await self._drained
        self._drained = None

    def abort(self) -> None:
        """Break the connection off, with what was written and has not left."""
        self._transport.abort()

    # -- what asyncio calls

    def resume_writing(self) -> None:
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)

    def eof_received(self) -> bool:
        self._fail(aiosmtplib.SMTPServerDisconnected("Unexpected EOF received"))
        return False  # which closes the transport

    def connection_lost(self, exc: Exception | None) -> None:
        error = aiosmtplib.SMTPServerDisconnected("Connection lost")
        error.__cause__ = exc
        self._fail(error)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._awaited:
            try:
                answer = self._next_answer()
            except aiosmtplib.SMTPResponseException as error:
                return self._fail(error)
            if answer is None:
                return None
            future = self._awaited.popleft()
            if not future.done():
                future.set_result(answer)
        if (
            self._buffer
        ):  # it speaks unasked, mostly to say that it hangs up: nothing that follows would belong to its command
            self._fail(aiosmtplib.SMTPServerDisconnected("Connection lost"))
            self._transport.close()
        return None

    def _next_answer(self) -> Answer | None:
        """The first whole answer of the buffer, taken out of it; None while its end has not come."""
        words, at = list[bytes](), 0
        while (end := self._buffer.find(b"\n", at)) >= 0:
            line = bytes(self._buffer[at:end])
            at = end + 1
            if not (line[:3].isdigit() and len(line[:3]) == 3):
                text = line.decode("utf-8", "ignore")
                raise aiosmtplib.SMTPResponseException(_INVALID, f"Malformed SMTP response line: {text}")
            words.append(line[4:].strip(b" \t\r"))
            if line[3:4] != b"-":
                del self._buffer[:at]
                return Answer((int(line[:3]), b"\n".join(words).decode("utf-8", "surrogateescape")))
        if len(self._buffer) > MAX_ANSWER:
            raise aiosmtplib.SMTPResponseException(_INVALID, "Response too long")
        return None

    def _fail(self, error: Exception) -> None:
        self._error = self._error or error
        for future in (*self._awaited, self._drained):
            if future is not None and not future.done():
                future.set_exception(error)
                future.exception()  # nobody may be waiting for it any more
        self._awaited.clear()
