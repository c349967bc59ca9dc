"""Who is answered before the request is read loses the connection soon after, whatever the client and the server do."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.connection_close import RemoteEnd, shut_down
from tests.fixtures.environment import ROOT
from tests.local.running import free_port, until


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of a real server in front of an application that never ends its requests."""
    port, log = free_port(), Path(tmp_path_factory.mktemp("early")) / "log"
    command = [
        sys.executable,
        "-m",
        "granian",
        "--interface",
        "asgi",
        "--port",
        str(port),
        "--workers-kill-timeout",
        "1",
    ]
    with log.open("wb") as output:
        server = subprocess.Popen([*command, "tests.web.answers_early:app"], cwd=ROOT, stdout=output, stderr=output)
    try:
        until(lambda: _listens(port), "the server", 30)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def client(port: int, path: str, *headers: str, body: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 10)
    connection.sendall("\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *headers, "", ""]).encode() + body)
    connection.settimeout(20)
    return connection


def until_closed(connection: socket.socket) -> bytes:
    """All that the server says before it closes; waits for 20 s at most."""
    heard = b""
    while piece := connection.recv(65_536):
        heard += piece
    return heard


ANNOUNCED = "Content-Length: 5000"


@pytest.mark.parametrize(
    ("path", "header", "body"),
    [
        ("/401", ANNOUNCED, b""),
        ("/429", "Transfer-Encoding: chunked", b""),
        ("/read/408", ANNOUNCED, b"begun"),
        ("/read/413", "Transfer-Encoding: chunked", b"5\r\nbegun\r\n"),
    ],
)
def test_a_silent_client_loses_its_connection(port: int, path: str, header: str, body: bytes) -> None:
    with client(port, path, header, body=body) as connection:
        answer = until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 " + path[-3:].encode()) and answer.endswith(b"done")
    assert answer.lower().count(b"connection: close") == 1


@pytest.mark.parametrize("path", ["/503", "/read/408"])
def test_so_does_one_that_sends_on_and_never_reads(port: int, path: str) -> None:
    with client(port, path, "Content-Length: 50000000", body=b"b" * 1000) as connection:
        connection.settimeout(0.02)

        def cut_off() -> bool:
            try:
                connection.send(b"more")
            except TimeoutError:
                return False
            except OSError:
                return True
            return False

        until(cut_off, "the end of the connection", 20)


@pytest.mark.parametrize(
    ("path", "headers", "body"),
    [("/200", [], b""), ("/200", ["Content-Length: 0"], b""), ("/whole/200", ["Content-Length: 5"], b"whole")],
)
def test_one_that_was_read_keeps_it(port: int, path: str, headers: list[str], body: bytes) -> None:
    with client(port, path, *headers, body=body) as connection:
        assert b"connection: close" not in connection.recv(65_536).lower()
        with client(port, "/401", ANNOUNCED) as other:
            until_closed(other)
        connection.sendall(b"GET /200 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_only_the_connection_of_the_peer_is_shut_down(family: socket.AddressFamily) -> None:
    with socket.socket(socket.AF_INET6) as listening:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind(("::", 0))
        listening.listen()
        own_port, host = listening.getsockname()[1], "127.0.0.1" if family == socket.AF_INET else "::1"
        with socket.create_connection((host, own_port)) as one, socket.create_connection((host, own_port)) as other:
            ends = [listening.accept()[0] for _ in range(2)]
            peer = RemoteEnd(host, one.getsockname()[1], own_port)
            assert shut_down({peer, RemoteEnd("192.0.2.1", other.getsockname()[1], own_port)}) == 1
            assert one.recv(1) == b""
            ends[1].sendall(b"x")
            assert other.recv(1) == b"x"
            for end in ends:
                end.close()
            assert shut_down({peer}) == 0
