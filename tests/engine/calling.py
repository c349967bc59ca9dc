"""A step type that calls the outside, and performers for it that note what they are asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import msgspec
import psycopg

from app.engine.call_pass import CallPass
from app.flow import performers
from app.flow.node_type import NodeType
from app.flow.outcomes import Asks, Call
from app.flow.performers import Performer, PlacedCall
from tests.fixtures.world import World, flow, node

CallError = performers.CallFailed | ValueError | TimeoutError


class AskConfig(msgspec.Struct):
    policy: Literal["resend", "hold"] = "resend"
    to: str = ""
    value: str = ""
    """What it asks about, when it is not the address of the contact."""


class Ask(NodeType):
    """Asks the fake how long an address is; tags what it was told."""

    type, label, category, description = "ask", "Ask", "integration", "For tests."
    Config = AskConfig

    @staticmethod
    def compile(config: AskConfig, scope: Any) -> Asks:
        email, to = scope.text(config.value) if config.value else scope.field("contact.email"), scope.text(config.to)
        return Asks(
            lambda step: Call(
                "fake", {"email": email(step)}, target=to(step) if config.to else "", policy=config.policy, timeout_s=1
            )
        )


class Fake(Performer):
    """Notes each call in a file, which outlives processes; fails for the addresses in `refuses`."""

    def __init__(self, path: Path) -> None:
        self.path, self.refuses = path, dict[str, CallError]()

    async def perform(self, call: PlacedCall) -> Any:
        with self.path.open("a") as ledger:
            ledger.write(f"{call.key}\n")
        error = self.refuses.get(call.request["email"].split("-")[0])
        if error is not None:
            raise error
        return {"length": len(call.request["email"])}

    @property
    def made(self) -> list[str]:
        return self.path.read_text().split() if self.path.exists() else []


class Doing(Performer):
    """Does calls by a function of the test; counts how many are under way."""

    def __init__(self, function: Callable[[PlacedCall], Awaitable[Any]]) -> None:
        self.function, self.under_way, self.most, self.closed = function, dict[int, int](), dict[int, int](), False

    async def perform(self, call: PlacedCall) -> Any:
        tenant_id = call.tenant_id
        self.under_way[tenant_id] = self.under_way.get(tenant_id, 0) + 1
        self.most[tenant_id] = max(self.most.get(tenant_id, 0), self.under_way[tenant_id])
        try:
            return await self.function(call)
        finally:
            self.under_way[tenant_id] -= 1

    async def close(self) -> None:
        self.closed = True


def perform_with(performer: Performer, **more: Any) -> None:
    """From now on calls of the kind `fake` are done by this one."""
    performers.forget_performer("fake")
    performers.perform_by("fake", lambda: performer, **more)


def connect(url: str) -> psycopg.Connection[Any]:
    return psycopg.connect(url, autocommit=True, options="-c timezone=UTC")


def make_calls(
    url: str, stop: threading.Event | None = None, notify: Callable[[str], None] = lambda actor: None
) -> int:
    """A pass of a worker of its own, until no call waits; how many were answered."""
    with connect(url) as connection:
        calls = CallPass(connection, lambda: connect(url), stop or threading.Event(), notify)
        return asyncio.run(calls.run(until_idle=True))


def asking(retry: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """Enter by `go`, ask, and be tagged by the answer, or `bad` when it failed."""
    nodes = [
        node("a", "ask", retry, **data),
        node("t", "add_tag", tag="{{ steps.a.length }}"),
        node("bad", "add_tag", tag="bad"),
    ]
    return flow("go", nodes, ("trigger", "a"), ("a", "t"), ("a", "bad", "error"))


def finish(world: World, url: str) -> None:
    """Calls and runs in turn until none are left."""
    while make_calls(url):
        world.engine.advance()
