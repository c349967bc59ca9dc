"""The one client for HTTP: nothing inside is reached, and no answer takes more bytes, time or steps than it may."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import resource
import socket
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpcore
import pytest

from app import settings as settings_module
from app.lib import egress
from app.lib.http_client import HttpAnswer, HttpClient, HttpFailed, HttpRequest
from app.lib.http_url import BadUrl, read_url
from tests.fixtures.certificates import signed_for_localhost
from tests.fixtures.hostile_urls import INSIDE, look_up_of
from tests.fixtures.http_server import Asked, Recorder, Reply, bomb, dripping, endless, json_reply, recording


@pytest.fixture
def server() -> Iterator[Recorder]:
    with recording() as recorder:
        yield recorder


@pytest.fixture
def on_the_internet(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Settings of a server on the internet and a name server that helps who looks for a way in; the names that it was asked."""
    found = dataclasses.replace(settings_module.read_settings(), local=False)
    monkeypatch.setattr(egress, "settings", lambda: found)
    names_asked: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", look_up_of(names_asked))
    return names_asked


@pytest.fixture
def locally(monkeypatch: pytest.MonkeyPatch) -> None:
    found = dataclasses.replace(settings_module.read_settings(), local=True)
    monkeypatch.setattr(egress, "settings", lambda: found)


async def ask(
    url: str, method: str = "GET", *, timeout_s: float = 5, most_bytes: int = 100_000, redirects: int = 0, **more: Any
) -> HttpAnswer:
    client, before = HttpClient(more.pop("tls", None)), more.pop("before", None)
    try:
        request = HttpRequest(method, read_url(url), **more)
        return await client.request(
            request, timeout_s=timeout_s, most_bytes=most_bytes, redirects=redirects, before=before
        )
    finally:
        await client.close()


@pytest.mark.parametrize("url", INSIDE)
async def test_nothing_inside_is_reached(url: str, server: Recorder, on_the_internet: list[str]) -> None:
    with pytest.raises((BadUrl, HttpFailed)) as refusal:
        await ask(url.format(server.port))
    if isinstance(refusal.value, HttpFailed):
        assert str(refusal.value).startswith("There is no server called") and not refusal.value.sent
    assert not server.asked


@pytest.mark.parametrize("url", INSIDE[:24])
async def test_no_redirect_leads_inside(
    url: str, server: Recorder, on_the_internet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first server is allowed by its name; where it sends us is judged like any other."""
    allowing = dataclasses.replace(
        egress.settings(), egress=settings_module.EgressSettings(hosts=frozenset({"ok.test"}))
    )
    monkeypatch.setattr(egress, "settings", lambda: allowing)
    server.answer = lambda asked: Reply(302, b"", {"Location": url.format(server.port)})
    with pytest.raises(HttpFailed):
        await ask(f"http://ok.test:{server.port}/", redirects=3)
    assert [asked.headers["host"] for asked in server.asked] == [f"ok.test:{server.port}"]


async def test_a_name_is_judged_and_connected_to_by_one_answer(
    on_the_internet: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []

    async def connect_tcp(self: Any, host: str, port: int, **_: Any) -> Any:
        tried.append(host)
        raise httpcore.ConnectError("refused")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    with pytest.raises(HttpFailed, match=r"rebind\.test cannot be connected to") as failure:
        await ask("http://rebind.test/")
    assert not failure.value.sent
    assert on_the_internet == ["rebind.test"] and tried == ["93.184.216.34"]


async def test_a_request_arrives_as_it_was_meant(server: Recorder, locally: None) -> None:
    url = f"{server.url}/a b/ü?q=x y&z=[1]#part"
    answer = await ask(url, "POST", headers=(("X-One", "ä"), ("Content-Type", "text/plain")), body=b"hello")
    asked = server.asked[0]
    assert (asked.method, asked.path, asked.body) == ("POST", "/a%20b/%C3%BC?q=x%20y&z=[1]", b"hello")
    assert asked.headers["host"] == f"127.0.0.1:{server.port}" and asked.headers["content-type"] == "text/plain"
    assert answer.status == 200 and answer.body == b'{"n": 1}' and not answer.cut and answer.redirects == 0
    assert answer.header("content-type") == "application/json"


async def test_an_endless_answer_is_cut(server: Recorder, locally: None) -> None:
    server.answer = lambda asked: Reply(stream=endless)
    answer = await ask(server.url, most_bytes=100_000)
    assert answer.cut and len(answer.body) == 100_000


async def test_a_slow_drip_ends_with_the_time(server: Recorder, locally: None) -> None:
    server.answer = lambda asked: Reply(stream=dripping)
    with pytest.raises(HttpFailed, match="no answer within 1 second") as failure:
        await ask(server.url, timeout_s=0.6)
    assert failure.value.sent and not failure.value.permanent


async def test_a_bomb_of_gzip_is_unpacked_as_far_as_is_kept(server: Recorder, locally: None) -> None:
    reply = bomb()
    server.answer = lambda asked: reply
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await ask(server.url, most_bytes=100_000)
    assert answer.cut and len(answer.body) == 100_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000, "kilobytes of 200 MB"


async def test_codings_that_nobody_asked_for(server: Recorder, locally: None) -> None:
    server.answer = lambda asked: Reply(200, b"..", {"Content-Encoding": "br"})
    with pytest.raises(HttpFailed, match="coding br"):
        await ask(server.url)
    server.answer = lambda asked: Reply(200, b"no gzip", {"Content-Encoding": "gzip"})
    with pytest.raises(HttpFailed, match="packed by gzip"):
        await ask(server.url)


async def test_redirects_are_followed_when_asked_for_and_not_for_ever(server: Recorder, locally: None) -> None:
    def answer(asked: Asked) -> Reply:
        number = int(asked.path.strip("/") or 0)
        return Reply(302, b"", {"Location": f"/{number + 1}"}) if number < 9 else json_reply({})

    server.answer = answer
    assert (await ask(server.url + "/8")).status == 302
    assert (await ask(server.url + "/7", redirects=5)).redirects == 2
    assert (await ask(server.url + "/1", redirects=5)).status == 302, "the sixth is not followed"


async def test_secrets_stay_with_the_server_they_are_for(server: Recorder, locally: None) -> None:
    with recording() as other:
        server.answer = lambda asked: Reply(307, b"", {"Location": f"{other.url}/x"})
        headers = (("Authorization", "Bearer s"), ("X-Key", "s"), ("X-Plain", "p"))
        await ask(server.url, "POST", headers=headers, body=b"1", redirects=1, private=frozenset({"x-key"}))
        asked = other.asked[0]
        assert asked.method == "POST" and asked.body == b"1" and asked.headers["x-plain"] == "p"
        assert "authorization" not in asked.headers and "x-key" not in asked.headers


async def test_a_redirect_after_a_post_is_got(server: Recorder, locally: None) -> None:
    server.answer = lambda asked: json_reply({}) if asked.path == "/x" else Reply(303, b"", {"Location": "/x"})
    headers = (("Content-Type", "text/plain"), ("Authorization", "Bearer s"))
    await ask(server.url, "POST", body=b"1", headers=headers, redirects=1)
    asked = server.asked[1]
    assert (asked.method, asked.body) == ("GET", b"") and "content-type" not in asked.headers
    assert asked.headers["authorization"] == "Bearer s"


async def test_a_failure_says_whether_the_request_left(server: Recorder, locally: None) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(HttpFailed, match="cannot be connected to") as failure:
            await ask(f"http://127.0.0.1:{port}/", "POST")
        assert not failure.value.sent
    listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    with pytest.raises(HttpFailed, match="broke") as failure:
        await ask(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/", "POST")
    assert failure.value.sent
    listening.close()


async def test_certificates_are_checked(tmp_path: Path, locally: None) -> None:
    certificate, trusted = signed_for_localhost(tmp_path)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=certificate)
    port = listening.sockets[0].getsockname()[1]
    with pytest.raises(HttpFailed, match="is not trusted") as failure:
        await ask(f"https://localhost:{port}/")
    assert not failure.value.sent
    assert (await ask(f"https://localhost:{port}/", tls=trusted)).body == b"ok"
    with pytest.raises(HttpFailed, match="is not trusted"):
        await ask(f"https://127.0.0.1:{port}/", tls=trusted)
    listening.close()


async def test_the_last_word_comes_when_there_is_a_connection_and_nothing_has_left(
    server: Recorder, locally: None
) -> None:
    asked: list[int] = []

    async def slowly() -> None:
        asked.append(len(server.asked))
        await asyncio.sleep(0.4)

    assert (await ask(server.url, timeout_s=0.3, before=slowly)).status == 200, "its time does not count"
    assert asked == [0]

    class Never(Exception):
        pass

    async def never() -> None:
        raise Never

    with pytest.raises(Never):
        await ask(server.url, before=never)
    assert len(server.asked) == 1
    with pytest.raises(HttpFailed) as failure:
        await ask("http://127.0.0.1:9/", before=slowly)
    assert not failure.value.sent and len(asked) == 1, "without a connection nobody is asked"


async def test_head_and_body_leave_together_and_a_connection_that_was_closed_is_not_used_again(locally: None) -> None:
    pieces: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pieces.append(await reader.read(65_536))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()  # without a word of it before: whoever kept the connection has to look

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    url, client = read_url(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"), HttpClient()
    try:
        for number in range(3):
            body = b"%d" % number * 1_000
            answer = await client.request(HttpRequest("POST", url, (), body), timeout_s=5, most_bytes=100)
            assert answer.body == b"ok" and len(pieces) == number + 1
            assert pieces[-1].startswith(b"POST / HTTP/1.1\r\n") and pieces[-1].endswith(b"\r\n\r\n" + body)
            await asyncio.sleep(0)
    finally:
        await client.close()
        listening.close()


async def test_a_long_body_leaves_whole(server: Recorder, locally: None) -> None:
    body = bytes(range(256)) * 1_000
    await ask(server.url, "POST", body=body)
    assert server.asked[0].body == body


async def test_connections_are_kept_by_server_and_no_more_than_are_wanted(locally: None) -> None:
    """Ten at a time open ten, which serve all that follow; another server's takes the place of the one idle longest."""
    opened = list[asyncio.StreamWriter]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def get(port: int) -> int:
        request = HttpRequest("GET", read_url(f"http://127.0.0.1:{port}/"))
        return (await client.request(request, timeout_s=5, most_bytes=9)).status

    client, servers = HttpClient(connections=10), [await asyncio.start_server(serve, "127.0.0.1", 0) for _ in range(2)]
    first, other = (server.sockets[0].getsockname()[1] for server in servers)
    kept = client._connections
    assert set(await asyncio.gather(*(get(first) for _ in range(40)))) == {200}
    assert len(opened) == 10 == len(kept._since)
    await get(other)
    assert len(opened) == 11 and len(kept._since) == 10 and sorted(map(len, kept._idle.values())) == [1, 9]
    kept._since = OrderedDict((one, (place, since - 60)) for one, (place, since) in kept._since.items())
    await get(first)
    assert len(opened) == 11 and len(kept._since) == 1, "what has rested too long is closed"
    await client.close()
    assert not kept._idle and not kept._since
    for server in servers:
        server.close()


async def test_a_request_that_is_given_up_closes_its_connection_and_frees_its_place(locally: None) -> None:
    hangs, closed = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if not hangs.is_set():
            hangs.set()
            assert await reader.read() == b""
            closed.set()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    server, client = await asyncio.start_server(serve, "127.0.0.1", 0), HttpClient(connections=1)
    request = HttpRequest("GET", read_url(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"))
    first = asyncio.create_task(client.request(request, timeout_s=30, most_bytes=9))
    second = asyncio.create_task(client.request(request, timeout_s=30, most_bytes=9))
    await hangs.wait()
    first.cancel()
    assert (await second).status == 200
    await asyncio.wait_for(closed.wait(), 5)
    await client.close()
    server.close()
