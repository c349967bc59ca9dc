"""Commands and answers: each answer belongs to its command, however the bytes are cut."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiosmtplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.messaging.channels.email.smtp_connection import _wire_text
from app.messaging.channels.email.smtp_exchange import MAX_ANSWER, SmtpExchange


class Wire(asyncio.Transport):
    """A transport that keeps what is written, up to `full` bytes of it in its buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.written, self.closed, self.held = b"", False, 0
        self.limit: int | None = None

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self.protocol = protocol

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def get_write_buffer_size(self) -> int:
        return self.held

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.limit = high


@pytest.fixture
async def wire() -> Wire:
    return Wire()


@pytest.fixture
async def exchange(wire: Wire) -> SmtpExchange:
    return SmtpExchange(wire)


def answers(futures: list[Any]) -> list[tuple[int, str]]:
    return [tuple(future.result()) for future in futures if future.done()]


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
async def test_answers_come_in_the_order_of_the_commands(exchange: SmtpExchange, wire: Wire, size: int) -> None:
    futures = exchange.say(b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>")
    assert wire.written == b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
    said = b"250-2.1.0 first\r\n250 and more \r\n550 5.1.1 No\r\n"
    for at in range(0, len(said), size):
        exchange.data_received(said[at : at + size])
    assert answers(futures) == [(250, "2.1.0 first\nand more"), (550, "5.1.1 No")]
    with pytest.raises(aiosmtplib.SMTPResponseException):
        futures[1].result().expect(2)


async def test_the_second_answer_is_not_lost_before_it_is_waited_for(exchange: SmtpExchange) -> None:
    first, second = exchange.say(b"MAIL", b"RCPT")
    exchange.data_received(b"250 one\r\n")
    exchange.data_received(b"250 two\r\n")
    assert ((await first).words, (await second).words) == ("one", "two")


@pytest.mark.parametrize("unasked", [b"421 4.4.2 Idle for too long\r\n", b"250 ok\r\n", b"2"])
async def test_who_speaks_unasked_is_not_listened_to(exchange: SmtpExchange, wire: Wire, unasked: bytes) -> None:
    exchange.data_received(unasked)
    assert wire.closed and not exchange.is_open
    with pytest.raises(ConnectionError):
        exchange.say(b"MAIL")
    assert not wire.written


async def test_an_answer_with_more_behind_it_counts_and_ends_the_connection(exchange: SmtpExchange, wire: Wire) -> None:
    future = exchange.say(b".")[0]
    exchange.data_received(b"250 Taken\r\n421 Closing\r\n")
    assert (await future).expect(2) == "Taken" and not exchange.is_open


@pytest.mark.parametrize("nonsense", [b"hello\r\n", b"25\r\n", b"\r\n", b"\xff\xfe\xfd\n", b"250-" + b"x" * MAX_ANSWER])
async def test_what_is_no_answer(exchange: SmtpExchange, nonsense: bytes) -> None:
    futures = exchange.say(b"MAIL", b"RCPT")
    exchange.data_received(nonsense)
    for future in futures:
        with pytest.raises(aiosmtplib.SMTPResponseException):
            await future


@pytest.mark.parametrize("how", ["eof", "lost"])
async def test_answers_that_do_not_come_any_more(exchange: SmtpExchange, how: str) -> None:
    futures = exchange.say(b"MAIL", b"RCPT")
    exchange.data_received(b"250 ok\r\n25")
    if how == "eof":
        assert exchange.eof_received() is False
    exchange.connection_lost(OSError("reset"))
    assert (await futures[0]).code == 250
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await futures[1]
    assert not exchange.is_open


@pytest.mark.parametrize("command", [b"RCPT TO:<a>\r\nDATA", b"a\nb", b"a\x00", b"a\rb", b"a\x7f"])
async def test_a_command_is_one_line(exchange: SmtpExchange, wire: Wire, command: bytes) -> None:
    with pytest.raises(ValueError, match="control character"):
        exchange.say(b"NOOP", command)
    assert not wire.written


async def test_draining_waits_for_the_last_byte(exchange: SmtpExchange, wire: Wire) -> None:
    await exchange.drain()
    wire.held = 10
    draining = asyncio.ensure_future(exchange.drain())
    await asyncio.sleep(0)
    assert wire.limit == 0 and not draining.done()
    exchange.resume_writing()
    await draining
    again = asyncio.ensure_future(exchange.drain())
    await asyncio.sleep(0)
    exchange.connection_lost(None)
    with pytest.raises(ConnectionError):
        await again


@given(st.lists(st.sampled_from([b".", b"..", b"\r\n", b"\n", b"\r", b"a", b"line"]), max_size=30).map(b"".join))
def test_a_text_as_it_is_carried(message: bytes) -> None:
    """As two expressions say it: line ends first, then a dot before each line that begins with one."""
    plain = re.sub(rb"(?m)^\.", b"..", re.sub(rb"\r\n|\r|\n", b"\r\n", message))
    text = _wire_text(message)
    assert text == (plain if plain.endswith(b"\r\n") else plain + b"\r\n")
    assert b"\r\n.\r\n" not in b"\r\n" + text
