"""Workflows that call one another, for tests: what they come to, and whether all is whole afterwards."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.engine import control, integrity
from tests.fixtures.world import World, flow, node

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


def child_flow(*nodes: dict[str, Any], trigger: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Started by a call: tag the contact, then `nodes`, the last of which ends it."""
    last = nodes or (
        node("end", "end", outcome="sold", output={"total": "{{ event.total }}", "plan": "{{ event.plan }}"}),
    )
    names = [one["id"] for one in last]
    edges = [("trigger", names[0]), *itertools.pairwise(names)]
    return flow(None, last, *edges, trigger=trigger or {"data": {"contact": "optional"}}, **more)


def parent_flow(workflow: UUID | str, event: str | None = "go", **data: Any) -> dict[str, Any]:
    """Call it, keep what it came to, and be tagged by the way out."""
    policies = {name: data.pop(name) for name in ("onError", "timeout") if name in data}
    call = {**node("call", "sub_workflow", workflowId=str(workflow), **data), **policies}
    kept = node("kept", "set_variable", set={"came": "{{ steps.call }}"})
    nodes = [call, kept, node("ok", "end", output={"came": "{{ vars.came }}"}), node("bad", "end", outcome="bad")]
    trigger = {} if event else {"data": {"contact": "optional"}}
    return flow(
        event, nodes, ("trigger", "call"), ("call", "kept"), ("kept", "ok"), ("call", "bad", "error"), trigger=trigger
    )


def came(world: World, parent: UUID) -> list[Any]:
    """What the runs of a workflow say that the called ones came to, and by which way out they left."""
    rows = world.db.execute(
        "select s.port, s.output, s.error_message from steps s join runs r on r.tenant_id = s.tenant_id and r.id = s.run_id"
        " where r.workflow_id = %s and s.node_id = 'call' order by s.run_id",
        (parent,),
    ).fetchall()
    return [tuple(row) for row in rows]


def sound(world: World) -> None:
    """Everybody is where the rows say, and nobody waits for nothing."""
    world.balanced()
    assert [str(one) for one in integrity.check(world.db)] == []


def waiting_child(world: World, **more: Any) -> UUID:
    return world.workflow(
        child_flow(node("w", "delay", duration=10, unit="days"), node("end", "end", outcome="late"), **more)
    )


def cancel(world: World, run_ids: list[UUID]) -> None:
    values = {"tenant": world.tenant, "ids": run_ids, **control.CANCELLED}
    world.db.execute(control.ending("tenant_id = %(tenant)s and id = any(%(ids)s)"), values)
    world.engine.advance()


def in_a_thread(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run something asynchronous beside the loop of the test."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(work())).result()
