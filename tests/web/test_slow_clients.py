"""Fourteen slow clients of every kind before a real server: each keeps a socket and nothing else, and everybody else is served."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.accounts.authentication import cookie_name
from app.lib import database
from app.models.status import Role
from app.web import csrf
from tests.fixtures.database import CommittedDatabase
from tests.fixtures.environment import ROOT
from tests.fixtures.people import make_browser_session, make_key, make_user, make_workspace
from tests.local.running import free_port, until

pytestmark = pytest.mark.slow
EACH = 14
"""The pool has 8 connections and 4 more."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
MULTIPART = "multipart/form-data; boundary=xx"


@dataclass
class Server:
    """The web process alone, with its log in a file."""

    port: int
    log: Path
    key: str
    cookies: str
    proof: str
    process: subprocess.Popen[bytes]
    sockets: list[socket.socket] = field(default_factory=list)

    def open(self, path: str, *headers: str, begin: bytes = b"", length: str = "Content-Length: 5000") -> socket.socket:
        """A client that sends its headers, the first bytes, and no more."""
        made = socket.create_connection(("127.0.0.1", self.port), 10)
        lines = [
            f"{'PATCH' if path.endswith('/draft') else 'POST'} {path} HTTP/1.1",
            "Host: localhost",
            length,
            *headers,
        ]
        made.sendall("\r\n".join([*lines, "", ""]).encode() + begin)
        self.sockets.append(made)
        return made

    def kinds(self) -> dict[str, tuple[str, list[str], bytes]]:
        """Path, headers and first bytes of each kind of slow client."""
        program = f"Authorization: Bearer {self.key}"
        person = [f"Cookie: {self.cookies}", f"{csrf.HEADER}: {self.proof}"]
        file = b'--xx\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nemail\n'
        api, draft = "/api/v1", "/workflows/0b0f2f1e-0000-7000-8000-000000000000/draft"
        return {
            "upload by API": (f"{api}/contacts/import", [program, f"Content-Type: {MULTIPART}"], file),
            "file as the body": (f"{api}/contacts/import", [program, "Content-Type: text/csv"], b"email\n"),
            "upload on the page": ("/contacts/import", [*person, f"Content-Type: {MULTIPART}"], file),
            "body of a JSON request": (f"{api}/contacts", [program, f"Content-Type: {JSON}"], b'{"email": '),
            "body with a key": (
                f"{api}/contacts",
                [program, f"Content-Type: {JSON}", "Idempotency-Key: order-77"],
                b"",
            ),
            "events with a key": (f"{api}/events", [program, f"Content-Type: {JSON}", "Idempotency-Key: e-1"], b"[{"),
            "public form": ("/u/made.up", [f"Content-Type: {FORM}"], b"again=1"),
            "sign-in": ("/sign-in", [f"Content-Type: {FORM}"], b"email=ada"),
            "page form": ("/contacts/new", [*person, f"Content-Type: {FORM}"], b"email="),
            "page form that brings its proof": ("/contacts/new", [person[0], f"Content-Type: {FORM}"], b"email="),
            "builder": (draft, [*person, f"Content-Type: {JSON}"], b'{"ops": ['),
        }


@pytest.fixture
async def server(committed_database: CommittedDatabase, tmp_path: Path) -> AsyncIterator[Server]:
    async with database.transaction() as session:
        workspace = await make_workspace(session, "Acme")
        key = await make_key(session, workspace, Role.MARKETER)
        user = await make_user(session, workspace, Role.MARKETER)
        token, session_id = await make_browser_session(session, workspace, user)
    proof, port, log = csrf.token_of_session(session_id, workspace.id), free_port(), tmp_path / "web.log"
    environment = os.environ | {"DATABASE_URL": committed_database.url, "THROUGHLINE_BODY_SECONDS": "8"}
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "app.asgi:app"], cwd=ROOT, env=environment, stdout=output, stderr=output)
    made = Server(port, log, key, f"{cookie_name()}={token}; {csrf.COOKIE}={proof}", proof, process)
    try:
        until(lambda: _up(made), "the server", 60)
        yield made
    finally:
        for each in made.sockets:
            each.close()
        process.terminate()
        process.wait(20)


def _up(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        socket.create_connection(("127.0.0.1", server.port), 1).close()
    except OSError:
        return False
    return True


async def test_slow_clients_and_those_that_leave_are_nobody_else_s_trouble(server: Server) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=20) as client:
        assert (await client.get("/api/v1/me", headers=headers)).status_code == 200
        kinds = server.kinds()
        waiting: dict[str, list[socket.socket]] = {}
        for name, (path, more, begin) in kinds.items():
            size = {"length": "Transfer-Encoding: chunked"} if not begin else {}
            waiting[name] = [server.open(path, *more, begin=begin, **size) for _ in range(EACH)]
            assert (await client.get("/api/v1/me", headers=headers)).status_code == 200, name
        await _ready(client)
        made = await client.post("/api/v1/contacts", json={"email": "a@example.com"}, headers=headers)
        assert made.status_code == 201, made.text
        still = {name for name, sockets in waiting.items() if not select.select(sockets, [], [], 0)[0]}
        assert len(still) > len(kinds) // 2, "they were cut off before anybody was asked"
        told = {name: [_answer(each) for each in sockets] for name, sockets in waiting.items()}
        wrong = {
            name: answers[0][:300] for name, answers in told.items() if {a.split(b" ")[1] for a in answers} != {b"408"}
        }
        assert not wrong, wrong
        assert all(b"was cut off; nothing was changed" in answer for answers in told.values() for answer in answers)
        for path, more, begin in kinds.values():
            for _ in range(3):
                server.open(path, *more, begin=begin).close()
        await _ready(client)
    server.process.terminate()
    server.process.wait(20)
    log = server.log.read_text()
    assert "request.failed" not in log and "Traceback" not in log, "who hangs up is no fault of ours\n" + log


async def _ready(client: httpx.AsyncClient) -> None:
    """The probe gives the database a second; on a machine that has much else to do one such second may pass."""
    for _ in range(10):
        ready = await client.get("/health/ready")
        if ready.status_code == 200:
            return
    raise AssertionError(ready.text)


def _answer(client: socket.socket) -> bytes:
    """All that the server says until it closes the connection."""
    client.settimeout(30)
    answer = b""
    try:
        while piece := client.recv(65_536):
            answer += piece
    except TimeoutError:
        raise AssertionError(f"the connection stays open after {answer!r}") from None
    assert b"connection: close" in answer.lower()
    return answer
