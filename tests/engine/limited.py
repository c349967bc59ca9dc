"""Workflows that limit who enters, for tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.engine.calling_runs import child_flow
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = node("d", "delay", duration=1, unit="hours")
SHORT = [node("t", "add_tag", tag="x")], ("trigger", "t")


def long(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A flow whose runs take an hour."""
    return flow("e", [HOUR, node("end", "end")], ("trigger", "d"), ("d", "end"), settings=settings, **more)


def short(settings: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A flow whose runs are over at once."""
    return flow("e", SHORT[0], SHORT[1], settings=settings, **more)


def called(settings: dict[str, Any]) -> dict[str, Any]:
    """A flow whose runs take an hour, to be called by a step."""
    return child_flow(HOUR, node("end", "end"), settings=settings)


def waiting(world: World) -> int:
    return int(world.one("select count(*) from waiting_starts"))


def reasons(world: World) -> dict[str, int]:
    rows = world.db.execute("select reason, sum(times)::int from entry_refusals group by 1").fetchall()
    return dict(rows)
