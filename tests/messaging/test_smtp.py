"""The SMTP client against a real server: each fault at each verb gives exactly what is known about the mail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from app.lib import egress
from app.messaging.channels.email import smtp, smtp_connection
from app.messaging.channels.email.smtp import SmtpPool
from app.messaging.channels.email.smtp_answers import NOT_FOUND
from app.messaging.channels.email.smtp_connection import Mail, MailServer
from app.messaging.channels.email.smtp_exchange import SmtpExchange
from app.messaging.channels.result import Begin, Result
from tests.fixtures.sink import Sink

MAIL = b"Subject: Hi\r\nMessage-ID: <1@x>\r\n\r\n.dot\r\nline\n"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def links() -> AsyncIterator[SmtpPool]:
    made = SmtpPool()
    yield made
    await made.close()


def server(sink: Sink, **more: str) -> MailServer:
    return MailServer(host="127.0.0.1", port=sink.port, security="none", **more)  # type: ignore[arg-type]


async def send(
    links: SmtpPool, to: MailServer, recipient: str = "zoe@example.com", begin: Begin | None = None, **more: Any
) -> Result:
    return await links.send(to, Mail("from@example.com", recipient, MAIL, **more), begin)


async def test_a_mail_is_taken_and_the_connection_kept(sink: Sink, links: SmtpPool) -> None:
    for _ in range(3):
        assert (await send(links, server(sink))).kind == "sent"
    assert len(sink.mails) == 3
    assert sink.connections == 1
    assert sink.mails[0].get_content() == ".dot\r\nline\r\n"
    assert sink.envelopes[0] == ("from@example.com", "zoe@example.com")


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "connections"),
    [
        ("EHLO", "421 4.3.2 Closing", "unavailable", 1),
        ("EHLO", "cut", "unavailable", 1),
        ("MAIL", "550 5.1.8 Bad sender", "rejected", 1),
        ("RCPT", "451 4.7.1 Greylisted", "deferred", 1),
        ("RCPT", "550 5.1.1 No such user", "rejected", 1),
        ("DATA", "554 5.5.1 No", "rejected", 1),
        ("DOT", "554 5.6.0 Spam", "rejected", 1),
        ("RCPT", "421 4.7.0 Too many errors", "unavailable", 2),
        ("RCPT", "cut", "unavailable", 2),
        ("DATA", "cut", "unavailable", 2),
        ("DOT", "cut", "uncertain", 2),
    ],
)
@pytest.mark.parametrize("pipelining", [False, True], ids=["one by one", "pipelined"])
async def test_faults(
    sink: Sink, links: SmtpPool, pipelining: bool, verb: str, answer: str, kind: str, connections: int
) -> None:
    """A refusal costs neither the connection nor the next mail, also where sender and recipient are said in one go."""
    sink.pipelining = pipelining
    sink.script[verb] = [answer]
    assert (await send(links, server(sink), own_sender=False)).kind == kind
    assert len(sink.mails) == (1 if (verb, answer) == ("DOT", "cut") else 0)
    if verb != "EHLO":
        assert (await send(links, server(sink))).kind == "sent"
        assert sink.connections == connections


async def test_a_server_that_does_not_take_rset_gets_a_new_connection(sink: Sink, links: SmtpPool) -> None:
    for answer in ("502 5.5.1 No such command", "cut"):
        sink.script |= {"RCPT": ["550 5.1.1 No such user"], "RSET": [answer]}
        assert (await send(links, server(sink))).reason == "bad_address"
        assert (await send(links, server(sink))).kind == "sent"
    assert sink.connections == 3


@pytest.mark.parametrize("letters", ["jürgen@example.org", "用户@example.org"])
async def test_one_recipients_letters_touch_nobody_else(links: SmtpPool, letters: str) -> None:
    """A server without SMTPUTF8 cannot take this address; it stays open, and is asked for the next mail at once."""
    plain = Sink(smtputf8=False)
    plain.start()
    try:
        for _ in range(12):
            result = await send(links, server(plain), letters)
            assert (result.kind, result.reason) == ("rejected", "address_refused") and letters in result.text
            assert (await send(links, server(plain))).kind == "sent"
        assert (plain.connections, len(plain.mails)) == (1, 12)
    finally:
        plain.stop()


async def test_a_sender_with_such_letters_is_the_step_s_or_the_connector_s_fault(links: SmtpPool) -> None:
    plain = Sink(smtputf8=False)
    plain.start()
    try:
        step = await links.send(server(plain), Mail("zoë@example.com", "a@example.com", MAIL, own_sender=False))
        own = await links.send(server(plain), Mail("zoë@example.com", "a@example.com", MAIL))
        assert (step.kind, step.reason, own.kind) == ("rejected", "sender_refused", "misconfigured")
        assert (await send(links, server(plain))).kind == "sent"
    finally:
        plain.stop()


async def test_a_mail_that_is_too_large_is_not_even_begun(links: SmtpPool) -> None:
    small = Sink(data_size_limit=1000)
    small.start()
    try:
        large = await links.send(server(small), Mail("a@example.com", "b@example.com", MAIL + b"x" * 5000))
        assert (large.kind, large.reason) == ("rejected", "message_refused") and "too large" in large.text
        assert (await send(links, server(small))).kind == "sent"
        assert small.connections == 1
    finally:
        small.stop()


@pytest.mark.parametrize("address", ['"a b"@example.com', "o'neil@example.com", "a+b/c=d{e}@example.com"])
async def test_an_odd_address_goes_out_as_it_was_written(sink: Sink, links: SmtpPool, address: str) -> None:
    assert (await send(links, server(sink), address)).kind == "sent"
    assert [to for _, to in sink.envelopes] == [address]


async def test_sender_and_recipient_leave_in_one_go_and_the_text_does_not(
    sink: Sink, links: SmtpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The intent is written between the two, so DATA must not leave before."""
    sink.pipelining = True
    writes = list[bytes]()
    write = SmtpExchange.write
    monkeypatch.setattr(
        SmtpExchange, "write", lambda self, data, answers=0: (writes.append(data), write(self, data, answers))[1]
    )

    async def begin() -> float:
        assert [data[:4] for data in writes] == [b"MAIL"] and b"\r\nRCPT TO:<zoe@example.com>\r\n" in writes[0]
        return float("inf")

    assert (await send(links, server(sink), begin=begin)).kind == "sent"
    assert [data[:4] for data in writes] == [b"MAIL", b"DATA", b"Subj", b".\r\n"]
    assert (await send(links, server(sink))).kind == "sent" and sink.connections == 1


async def test_a_server_that_is_told_to_end_after_a_refused_sender_answers_the_recipient_too(
    sink: Sink, links: SmtpPool
) -> None:
    """Both answers are read before the next mail, so that none is taken for that of another command."""
    sink.pipelining = True
    for _ in range(3):
        sink.script |= {"MAIL": ["452 4.2.2 Not now"], "RCPT": ["550 5.1.1 No such user"]}
        assert (await send(links, server(sink), own_sender=False)).kind == "deferred"
        assert (await send(links, server(sink))).kind == "sent"
    assert (sink.connections, len(sink.mails)) == (1, 3)


@pytest.mark.parametrize("pipelining", [False, True])
async def test_a_recipient_cannot_smuggle_commands(sink: Sink, links: SmtpPool, pipelining: bool) -> None:
    sink.pipelining = pipelining
    for address in ("a@b.example>\r\nRCPT TO:<x@y.example", "a@b.example>\nDATA", "a\x00@b.example"):
        assert (await send(links, server(sink), address)).kind != "sent"
    assert not sink.mails


async def test_an_idle_connection_that_the_server_closed_is_replaced(sink: Sink, links: SmtpPool) -> None:
    assert (await send(links, server(sink))).kind == "sent"
    sink.script["MAIL"] = ["cut"]
    assert (await send(links, server(sink))).kind == "sent"
    sink.script["MAIL"] = ["421 4.4.2 Idle for too long"]
    assert (await send(links, server(sink))).kind == "sent"
    assert sink.connections == 3
    assert len(sink.mails) == 3


async def test_one_recipient_at_whom_the_server_breaks_off_keeps_nobody_waiting(sink: Sink, links: SmtpPool) -> None:
    for answer in ("cut", "421 4.7.0 Not this one"):
        sink.script["RCPT"] = [answer]
        result = await send(links, server(sink))
        assert (result.kind, result.everyone) == ("unavailable", False)
        assert (await send(links, server(sink))).kind == "sent"


async def test_the_whole_mail_has_one_deadline(sink: Sink, links: SmtpPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_S", 0.3)
    sink.script["RCPT"] = [2.0]
    assert (await send(links, server(sink))).kind == "unavailable"
    sink.script["DOT"] = [2.0]
    assert (await send(links, server(sink))).kind == "uncertain"


async def test_a_server_that_is_not_there(links: SmtpPool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = MailServer(host="127.0.0.1", port=probe.getsockname()[1], security="none")
    result = await send(links, nobody)
    assert (result.kind, result.everyone) == ("unavailable", True)


async def test_starttls_is_not_skipped(sink: Sink, links: SmtpPool) -> None:
    wanted = MailServer(host="127.0.0.1", port=sink.port, security="starttls")
    for _ in range(2):
        result = await send(links, wanted)
        assert result.kind == "misconfigured" and "STARTTLS" in result.text
    assert not sink.mails


@pytest.mark.parametrize("host", ["smtp.nowhere.invalid", "a..b.example"])
async def test_a_name_that_does_not_exist(links: SmtpPool, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if host.endswith(".invalid"):
        monkeypatch.setattr(socket, "getaddrinfo", look_up)
    result = await send(links, MailServer(host=host, port=25, security="none"))
    assert result.kind == "misconfigured"


async def test_tls_where_none_is_spoken(sink: Sink, links: SmtpPool, monkeypatch: pytest.MonkeyPatch) -> None:
    spoken_to = MailServer(host="127.0.0.1", port=sink.port, security="tls")
    result = await send(links, spoken_to)
    assert (result.kind, result.text) == ("unavailable", NOT_FOUND), "of this machine nothing is told"
    assert "does not speak TLS" in result.detail
    monkeypatch.setattr(egress, "is_public", lambda _: True)
    result = await send(SmtpPool(), spoken_to)
    assert result.kind == "misconfigured" and "does not speak TLS" in result.text


async def _nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


def _says(words: bytes) -> Any:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await writer.drain()
        writer.close()

    return say


@pytest.mark.parametrize(
    "answer",
    [
        None,
        _nothing,
        _says(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"),
        _says(b"554 5.7.1 postgres-primary.internal does not like you\r\n"),
        _says(b"HTTP/1.1 400 Bad Request\r\nServer: secret/1.0\r\n\r\n"),
        _says(b""),
        _says(b"220 ready\r\n550 5.7.1 who are you, secret\r\n"),
    ],
    ids=["closed", "silent", "ssh", "smtp-no", "http", "hangs-up", "refuses-hello"],
)
@pytest.mark.parametrize("security", ["none", "tls", "starttls"])
async def test_nobody_can_tell_one_port_from_another(
    links: SmtpPool, answer: Any, security: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_S", 0.4)
    listener = await asyncio.start_server(answer or _nothing, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    if answer is None:
        listener.close()
    result = await send(links, MailServer(host="127.0.0.1", port=port, security=security))
    listener.close()
    assert (result.kind, result.reason, result.text) == ("unavailable", "server_away", NOT_FOUND)
    assert result.everyone and "secret" not in result.text


async def test_a_name_that_is_refused_looks_like_one_that_is_not_known(
    links: SmtpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(host: str, port: int, **_: Any) -> Any:
        if host.startswith("nobody"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    results = [
        await send(links, MailServer(host=host, port=587))
        for host in (
            "nobody.example.com",
            "postgres.internal.example",
            "postgres",
            "nobodyhere",
            "10.0.0.5",
            "0x0a000005",
        )
    ]
    assert {(result.kind, result.text) for result in results} == {("misconfigured", NOT_FOUND)}
    assert "10.0.0.5" in results[1].detail


async def test_a_password_does_not_leave_without_encryption(links: SmtpPool, monkeypatch: pytest.MonkeyPatch) -> None:
    open_sink = Sink(password="right")
    open_sink.start()
    try:
        assert (await send(links, server(open_sink, username="u", password="right"))).kind == "sent"
        monkeypatch.setattr(egress, "is_loopback", lambda _: False)
        result = await send(SmtpPool(), server(open_sink, username="u", password="right"))
        assert result.kind == "misconfigured" and "without encryption" in result.text
        assert len(open_sink.mails) == 1
    finally:
        open_sink.stop()


async def test_sign_in(links: SmtpPool) -> None:
    sink = Sink(password="right")
    sink.start()
    try:
        wrong = await send(links, server(sink, username="u", password="wrong"))
        assert wrong.kind == "misconfigured" and "535" in wrong.text
        nobody = await send(links, server(sink))
        assert nobody.kind == "misconfigured" and "530" in nobody.text
        assert (await send(links, server(sink, username="u", password="right"))).kind == "sent"
    finally:
        sink.stop()


async def test_a_sign_in_that_is_not_offered(sink: Sink, links: SmtpPool) -> None:
    result = await send(links, server(sink, username="u", password="p"))
    assert result.kind == "misconfigured" and "offers no sign-in" in result.text


async def test_letters_beyond_ascii_in_addresses(sink: Sink, links: SmtpPool) -> None:
    assert (await send(links, server(sink), "zoë@example.com")).kind == "sent"
    assert sink.envelopes[0][1] == "zoë@example.com"


async def test_nothing_is_handed_over_that_is_not_wanted(sink: Sink, links: SmtpPool) -> None:
    async def no() -> float:
        return 0.0

    for _ in range(3):
        assert (await send(links, server(sink), begin=no)).kind == "withheld"
    assert (await send(links, server(sink))).kind == "sent"
    assert (len(sink.mails), sink.connections) == (1, 1), "and it costs no connection"


@pytest.mark.parametrize("size", [100, 6_000_000], ids=["a mail", "more than the buffers take"])
async def test_a_mail_whose_time_is_over_keeps_its_last_line(
    links: SmtpPool, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for a worker that was frozen between its intent and the final dot."""
    large = Sink(data_size_limit=10_000_000)
    large.start()
    moments = iter([100.0, 101.0, 301.0])
    monkeypatch.setattr(smtp_connection, "running_time", lambda: next(moments))

    async def begin() -> float:
        return smtp_connection.running_time() + 100

    try:
        text = MAIL + b"a line of sixty-three letters, which repeats itself quite often\r\n" * (size // 65)
        result = await links.send(server(large), Mail("a@b.example", "c@d.example", text), begin)
        assert result.kind == "withheld"
        monkeypatch.undo()
        assert (await send(links, server(large))).kind == "sent"
        assert len(large.mails) == 1
    finally:
        large.stop()


async def test_how_long_an_intent_takes_is_not_the_server_s_fault(
    sink: Sink, links: SmtpPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_S", 0.3)

    async def slow() -> float:
        await asyncio.sleep(0.5)
        return float("inf")

    assert (await send(links, server(sink), begin=slow)).kind == "sent"
