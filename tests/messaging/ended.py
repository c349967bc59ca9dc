"""Messages that have come to an end, for tests of what is decided about them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.messaging import ledger
from tests.messaging.world import World


def refused(world: World, count: int = 1, **more: Any) -> list[UUID]:
    """Messages that the mail server refused."""
    found = [world.message(**more) for _ in range(count)]
    world.sink.script["RCPT"] = ["550 5.7.1 Not today"] * count
    world.deliver()
    assert {world.row(run_id)["word"] for run_id in found} == {"failed"}
    return found


def lost(world: World, count: int = 1, **more: Any) -> list[UUID]:
    """Messages whose worker stopped while it was sending them."""
    found = [world.message(**more) for _ in range(count)]
    world.db.execute(
        "update messages set status = 1, due_at = null, attempt = 1, lease_until = now() - interval '1 second'"
        " where run_id = any(%s)", (found,)
    )  # fmt: skip
    assert len(ledger.expire(world.db)) == count
    return found


def exact(world: World) -> None:
    """Every message is in exactly one counter, the one of its state."""
    words = world.words()
    counters = world.counters()
    queued = words.pop("queued", 0) + words.pop("sending", 0)
    assert counters.pop("queued", 0) == queued
    suppressed = sum(n for key, n in counters.items() if key.startswith("suppressed"))
    failed = sum(n for key, n in counters.items() if key.startswith("failed"))
    assert (suppressed, failed) == (words.pop("suppressed", 0), words.pop("failed", 0))
    assert words == {key: n for key, n in counters.items() if key in ("sent", "uncertain")}
