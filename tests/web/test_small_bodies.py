"""Bodies of the route before the framework: whole by their length, cut off when they are late, each by its own time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from app.errors import TooLarge
from app.web import bodies, small_bodies
from app.web.bodies import IN_MEMORY, IncompleteBody, TooSlow
from app.web.small_bodies import SmallBodies


def client(*pieces: bytes | None, over: bool = False) -> Any:
    """What a server says of a client that sends these pieces, goes away at None, and at last sends nothing more for ever."""
    waiting = list(pieces)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.Event().wait()
        piece = waiting.pop(0)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(waiting) or not over}

    return receive


async def test_a_body_is_whole_when_its_bytes_are_there() -> None:
    """The server may say that it is over, or not yet."""
    for over in (True, False):
        assert await SmallBodies().read(client(b"12345", over=over), 5) == b"12345"
    assert await SmallBodies().read(client(b"12", b"34", b"5", b"", over=True), 5) == b"12345"
    assert await SmallBodies().read(client(b"123", over=True), 5) == b"123", "what is said to be over is"


async def test_what_does_not_fit_or_ends_early_is_refused() -> None:
    with pytest.raises(IncompleteBody):
        await SmallBodies().read(client(None), 5)
    with pytest.raises(IncompleteBody):
        await SmallBodies().read(client(b"12", None), 5)
    with pytest.raises(TooLarge):
        await SmallBodies().read(client(b"1" * IN_MEMORY, b"1", over=True), 5)


async def test_each_is_late_by_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        small_bodies, "settings", lambda: SimpleNamespace(web=SimpleNamespace(body_seconds=0.02, body_rate=1_000))
    )
    some, order = SmallBodies(), []

    async def read(name: str, receive: Any) -> str:
        try:
            await some.read(receive, 5)
        except TooSlow:
            order.append(name)
            await asyncio.sleep(0)  # whoever was late can still wait for other things, such as to say so
            return "late"
        return "whole"

    first = asyncio.create_task(read("first", client()))
    await asyncio.sleep(0.01)
    rest = [asyncio.create_task(read(name, client())) for name in ("second", "third")]
    quick = await read("quick", client(b"12345"))
    assert [quick, await first, *await asyncio.gather(*rest)] == ["whole", "late", "late", "late"]
    assert order == ["first", "second", "third"]


async def test_who_is_cancelled_is_not_late() -> None:
    some = SmallBodies()
    task = asyncio.create_task(some.read(client(), 5))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await some.read(client(b"12345"), 5) == b"12345"
    assert bodies.settings().web.body_seconds > 1
