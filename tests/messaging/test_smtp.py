"""The SMTP client against a real server: each fault at each verb gives exactly what is known about the mail."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from app.connectors import smtp
from app.connectors.smtp import Links, Server
from tests.messaging.sink import Sink

MAIL = b"Subject: Hi\r\nMessage-ID: <1@x>\r\n\r\n.dot\r\nline\n"


@pytest.fixture
def sink() -> Iterator[Sink]:
    made = Sink()
    made.start()
    yield made
    made.stop()


@pytest.fixture
async def links() -> AsyncIterator[Links]:
    made = Links()
    yield made
    await made.close()


def server(sink: Sink, **more: str) -> Server:
    return Server(host="127.0.0.1", port=sink.port, security="none", **more)  # type: ignore[arg-type]


async def send(links: Links, to: Server, recipient: str = "zoe@example.com") -> smtp.Result:
    return await links.send(to, "from@example.com", recipient, MAIL)


async def test_a_mail_is_taken_and_the_connection_kept(sink: Sink, links: Links) -> None:
    for _ in range(3):
        assert (await send(links, server(sink))).kind == "sent"
    assert len(sink.mails) == 3
    assert sink.connections == 1
    assert sink.mails[0].get_content() == ".dot\r\nline\r\n"
    assert sink.envelopes[0] == ("from@example.com", "zoe@example.com")


@pytest.mark.parametrize(
    ("verb", "answer", "kind", "bad"),
    [
        ("EHLO", "421 4.3.2 Closing", "away", False),
        ("MAIL", "421 4.3.2 Closing", "deferred", False),
        ("MAIL", "550 5.1.8 Bad sender", "rejected", False),
        ("MAIL", "552 5.3.4 Too big", "rejected", False),
        ("RCPT", "450 4.2.1 Busy", "deferred", False),
        ("RCPT", "451 4.7.1 Greylisted", "deferred", False),
        ("RCPT", "550 5.1.1 No such user", "rejected", True),
        ("RCPT", "550 5.7.1 Not you", "rejected", False),
        ("RCPT", "550 No such user", "rejected", False),
        ("DATA", "451 4.3.0 Later", "deferred", False),
        ("DATA", "554 5.5.1 No", "rejected", False),
        ("DOT", "452 4.3.1 Full", "deferred", False),
        ("DOT", "554 5.6.0 Spam", "rejected", False),
        ("DOT", "550 5.1.1 No such user", "rejected", True),
        ("EHLO", "cut", "away", False),
        ("MAIL", "cut", "deferred", False),
        ("RCPT", "cut", "deferred", False),
        ("DATA", "cut", "deferred", False),
        ("DOT", "cut", "uncertain", False),
    ],
)
async def test_faults(sink: Sink, links: Links, verb: str, answer: str, kind: str, bad: bool) -> None:
    # EHLO is tried a second time as HELO by the client, so it needs the fault twice.
    sink.script[verb] = [answer] * (2 if verb == "EHLO" else 1)
    result = await send(links, server(sink))
    assert (result.kind, result.bad_address) == (kind, bad)
    assert len(sink.mails) == (1 if (verb, answer) == ("DOT", "cut") else 0)
    if kind in ("deferred", "rejected"):
        assert (await send(links, server(sink))).kind == "sent"


async def test_an_idle_connection_that_the_server_closed_is_replaced(sink: Sink, links: Links) -> None:
    assert (await send(links, server(sink))).kind == "sent"
    sink.script["MAIL"] = ["cut"]
    assert (await send(links, server(sink))).kind == "sent"
    assert sink.connections == 2
    assert len(sink.mails) == 2


async def test_the_whole_mail_has_one_deadline(sink: Sink, links: Links, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smtp, "DEADLINE_S", 0.3)
    sink.script["RCPT"] = [2.0]
    assert (await send(links, server(sink))).kind == "deferred"
    sink.script["DOT"] = [2.0]
    assert (await send(links, server(sink))).kind == "uncertain"


async def test_a_server_that_is_not_there(links: Links) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        nobody = Server(host="127.0.0.1", port=probe.getsockname()[1], security="none")
    assert (await send(links, nobody)).kind == "away"
    began = asyncio.get_running_loop().time()
    assert [(await send(links, nobody)).kind for _ in range(50)] == ["away"] * 50
    assert asyncio.get_running_loop().time() - began < 0.5, "a server that is away is not asked again and again"


async def test_starttls_is_not_skipped(sink: Sink, links: Links) -> None:
    wanted = Server(host="127.0.0.1", port=sink.port, security="starttls")
    assert (await send(links, wanted)).kind == "away"
    assert not sink.mails


async def test_sign_in(links: Links) -> None:
    sink = Sink(password="right")
    sink.start()
    try:
        assert (await send(links, server(sink, username="u", password="wrong"))).kind == "away"
        assert (await send(links, server(sink, username="u", password="right"))).kind == "sent"
    finally:
        sink.stop()


async def test_letters_beyond_ascii_in_addresses(sink: Sink, links: Links) -> None:
    assert (await send(links, server(sink), "zoë@example.com")).kind == "sent"
    assert sink.envelopes[0][1] == "zoë@example.com"


async def test_nothing_begins_after_its_lease(sink: Sink, links: Links) -> None:
    assert (await links.send(server(sink), "a@b.example", "c@d.example", MAIL, latest=0.0)).kind == "away"
    assert not sink.mails
    assert (await send(links, server(sink))).kind == "sent"
