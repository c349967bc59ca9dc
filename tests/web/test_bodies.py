"""Bodies are read whole and early, in bounded memory and bounded time, and come to the handler as they were sent."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar

from app.errors import AppError, Unavailable
from app.models.status import Role
from app.settings import settings
from app.web import bodies
from app.web.bodies import BodyReader, RequestBody
from tests.fixtures.people import ApiClients, BrowserClients

Receive = Callable[[], Awaitable[dict[str, Any]]]


def sends(*pieces: bytes, then: str = "") -> Receive:
    """A client that sends `pieces`, and then ends, is silent, or goes away."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": bool(then) or number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    ]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop(0)
        if then == "silence":
            await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    return receive


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that waits for 20 ms and no longer."""
    web = replace(settings().web, body_seconds=0.02, body_rate=10_000_000)
    made = replace(settings(), web=web)
    monkeypatch.setattr(bodies, "settings", lambda: made)


async def arrived(receive: Receive, most: int = 100_000_000) -> RequestBody:
    body = RequestBody()
    await bodies.arrive(body, receive, most)  # type: ignore[arg-type]
    return body


async def all_of(body: RequestBody) -> bytes:
    return b"".join([piece async for piece in body.pieces()])


@hypothesis.settings(max_examples=25)
@given(st.lists(st.integers(0, 700_000), max_size=6))
async def test_what_was_sent_arrives(sizes: list[int]) -> None:
    pieces = [bytes([number]) * size for number, size in enumerate(sizes)] or [b""]
    sent = b"".join(pieces)
    body = await arrived(sends(*pieces))
    try:
        assert await all_of(body) == sent == await all_of(body)
        assert await body.digest(b"x") == hashlib.sha256(b"x" + sent).digest()
        assert body.size == len(sent)
        in_memory = sum(map(len, body._pieces))
        assert in_memory <= bodies.IN_MEMORY and (body._file is not None) == (len(sent) > bodies.IN_MEMORY)
        receive = body.replay(sends())  # type: ignore[arg-type]
        heard: list[Any] = []
        while not heard or heard[-1].get("more_body"):
            heard.append(await receive())
        assert b"".join(message["body"] for message in heard) == sent
        assert (await receive())["type"] == "http.disconnect"
    finally:
        body.close()


@pytest.mark.parametrize(
    ("client", "status", "code"),
    [
        (sends(then="silence"), 408, "request_timeout"),
        (sends(b"name=A", then="silence"), 408, "request_timeout"),
        (sends(b"x" * 3_000, b"y" * 3_000, then="silence"), 408, "request_timeout"),
        (sends(b"name=A", then="leaves"), 400, "incomplete_body"),
        (sends(then="leaves"), 400, "incomplete_body"),
        (sends(b"x" * 5_000, b"y" * 5_001), 413, "too_large"),
    ],
)
async def test_a_client_that_does_not_keep_on(hurried: None, client: Receive, status: int, code: str) -> None:
    with pytest.raises(AppError) as refused:
        await arrived(client, most=10_000)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    assert len(refused.value.message.split()) > 5


async def test_a_trickle_is_too_slow_though_every_byte_is_in_time(hurried: None) -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(0.002)
        return {"type": "http.request", "body": b"x", "more_body": True}

    with pytest.raises(AppError) as refused:
        async with asyncio.timeout(10):
            await arrived(receive)
    assert refused.value.status_code == 408


async def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def write(self, _: bytes) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(bodies.tempfile, "TemporaryFile", Full)
    with pytest.raises(Unavailable) as told:
        await arrived(sends(b"x" * 2_000_000))
    assert "room" in told.value.message


def test_what_opens_a_transaction_comes_after_the_body(test_app: Litestar) -> None:
    from app.asgi import middleware
    from app.idempotency.middleware import Idempotency
    from app.web.csrf import CsrfMiddleware

    order = middleware()
    assert order.index(BodyReader) < min(order.index(CsrfMiddleware), order.index(Idempotency))


async def test_strangers_send_little(app_under_test: Litestar, browser: BrowserClients) -> None:
    """On public routes; signed in the same number of bytes is read, and refused for what it says."""
    person = await browser(Role.VIEWER)
    form = {"email": "ada@example.com", "password": "x" * 20_000}
    for path in ("/sign-in", "/u/x.y", "/sign-in/link"):
        answer = await person.post(path, data=form)
        assert answer.status_code == 413, path
    assert (await person.post("/settings/profile", data={"name": "x" * 20_000})).status_code == 422


async def test_nothing_is_read_of_whom_the_guard_turns_away(app_under_test: Litestar, api: ApiClients) -> None:
    viewer = await api(Role.VIEWER)
    headers = [(b"host", b"testserver"), (b"authorization", viewer.headers["authorization"].encode())]
    for path, key, status in (("/api/v1/contacts/import", True, 403), ("/api/v1/templates", False, 401)):
        heard: list[int] = []

        async def receive() -> dict[str, Any]:
            raise AssertionError("the body was asked for")

        async def send(message: Any, heard: list[int] = heard) -> None:
            heard.append(message.get("status", 0))

        scope: Any = {
            "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "scheme": "http",
            "headers": headers if key else headers[:1], "client": ("127.0.0.1", 1), "server": ("testserver", 80),
            "asgi": {"version": "3.0"}, "http_version": "1.1", "root_path": "", "state": {},
        }  # fmt: skip
        await app_under_test(scope, receive, send)  # type: ignore[arg-type]
        assert heard[0] == status
