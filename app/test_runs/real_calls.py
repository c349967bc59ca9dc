"""Calls that somebody has a test make for real, behind the gates of the engine's own: limits, what is away, what is paused.

One is made of one visit of one step, by the performer that a worker has. What it says of its service is noted, as a worker notes it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import psycopg
import structlog

from app.accounts.principal import Principal
from app.connectors import gate_repository
from app.connectors.trial import Turns
from app.engine import call_gates
from app.engine.call_answers import noted_signs
from app.engine.call_shares import CallLane
from app.errors import Conflict, TooMany
from app.flow.performers import PlacedCall, ServiceSign
from app.lib import clock, database, ids
from app.lib.connection_thread import ConnectionThread
from app.lib.translation import gettext
from app.test_runs.spec import PendingCall, WalkSpec

log = structlog.get_logger()
LONGEST_S = 20
"""A person waits at the page."""
SPARE_S = 10
"""A place at a gate comes back by itself so long after the call must be over: the process may have ended."""
A_MINUTE = 10
"""Real calls of one person."""
turns = Turns(a_minute=A_MINUTE)


@asynccontextmanager
async def admitted(principal: Principal, call: PlacedCall) -> AsyncIterator[list[ServiceSign]]:
    """Around one call, which begins when the gates let it and counts for their limits. What it says of its service is put into the list,
    and noted as what a worker's call says. Raises Conflict while the service takes no calls, TooMany."""
    spare = timedelta(
        seconds=SPARE_S, microseconds=secrets.randbelow(1_000_000)
    )  # by which it is told from others of this instant
    until = clock.now() + timedelta(seconds=call.timeout_s) + spare
    with turns.take((principal.tenant_id, principal.kind, principal.id)):
        connection = await asyncio.to_thread(database.connect, "test call")
        thread = ConnectionThread(connection, lambda: database.connect("test call"), "test-call")
        try:
            refused = await thread.transaction(lambda one: _admit(one, call, until))
            if refused is not None:
                raise refused
            by = {"by_kind": principal.kind, "by_id": str(principal.id), "tenant_id": principal.tenant_id}
            where = {"workflow_id": str(call.workflow_id), "node_id": call.node_id, "kind": call.kind}
            # Before it is made: what happened in between is not lost with the process.
            log.info("test.calls", method=shown_of(call.request).get("method"), target=call.target, **where, **by)
            signs, began = list[ServiceSign](), clock.now()
            try:
                yield signs
            finally:
                await _leave(thread, call, until)
            log.info("test.called", works=signs[0].works if signs else None, **where, **by)
            await _note(thread, call, began, signs)
        finally:
            thread.close()
            await asyncio.to_thread(connection.close)


async def _leave(thread: ConnectionThread, call: PlacedCall, until: datetime) -> None:
    """Give the place at the gate back; where that cannot be noted it comes back by itself."""
    key = call_gates.key_of(call.tenant_id, call.target)
    if key is None:
        return
    try:
        await thread.transaction(lambda one: gate_repository.leave_test_place(one, key, until))
    except psycopg.Error as error:
        log.error("test.place_not_left", error=type(error).__name__, tenant_id=call.tenant_id, target=call.target)


async def _note(thread: ConnectionThread, call: PlacedCall, began: datetime, signs: list[ServiceSign]) -> None:
    """An answer that came is not lost because what it says of its service cannot be noted."""
    try:
        changes = await thread.transaction(lambda one: noted_signs(one, call, began, signs)) if signs else []
    except psycopg.Error as error:
        log.error("test.sign_not_noted", error=type(error).__name__, tenant_id=call.tenant_id, target=call.target)
        return
    for change in changes:
        change.log()


def _admit(connection: psycopg.Connection[Any], call: PlacedCall, until: datetime) -> Conflict | TooMany | None:
    """Take a place at the gates, in one transaction; or why there is none."""
    place = call.tenant_id, call.target
    opened = call_gates.open_for(connection, [CallLane(call.tenant_id, call.workflow_id, call.kind, call.target)])
    key = call_gates.key_of(*place)
    if opened.rooms.get(place) != 0:
        gate_repository.spend(connection, opened.gates, {key: 1} if key in opened.gates else {})
        if key is not None and key in opened.gates:
            gate_repository.take_test_place(connection, key, until)
        return None
    gate = opened.gates.get(key) if key is not None else None
    if gate is not None and gate.state == "paused":
        return Conflict(gettext("The connector of this step is paused. An admin can look at it."))
    if key is None or (gate is not None and gate.state != "ok"):
        return Conflict(gettext("The service is away, and is left alone for a while. Nothing was called."))
    seconds = max(1, round(opened.wait_s or 1))
    return TooMany(
        gettext("The connector of this step makes as many calls as it may. Try again in a moment."), retry_after=seconds
    )


def shown_of(request: Any) -> dict[str, Any]:
    """What people may see of a call's request."""
    shown = request.get("shown") if isinstance(request, dict) else None
    return shown if isinstance(shown, dict) else {}


def placed_call(spec: WalkSpec, pending: PendingCall, longest_s: int) -> PlacedCall:
    """A call of a test as its performer gets it. Each is of a run of its own: services know calls that are repeated by it and its step."""
    call = pending.call
    return PlacedCall(
        tenant_id=spec.tenant_id,
        workflow_id=spec.workflow_id,
        run_id=ids.uuid7(),
        node_id=pending.node_id,
        seq=pending.seq,
        attempt=1,
        kind=call.kind,
        target=call.target,
        request=call.request,
        timeout_s=min(call.timeout_s, longest_s),
    )
