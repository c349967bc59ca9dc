"""Rows as a claim reads them: what came into the inbox, and stored runs. Ids are 16 bytes, instants microseconds since 2000."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from app.models.status import Priority

PAST = -1
"""No kind of an inbox row: an event that happened after an entry of this batch and arrived before it."""
PACED = -2
"""Neither: an event that was handled, but for the start of a run of `workflow_id`, whose turn has come."""

MICROS = "(extract(epoch from {}) * 1000000)::bigint - 946684800000000"
"""An instant as a number."""
NOW = f"(select {MICROS.format('clock_now()')})"  # once a statement: a call takes some 3 us


def stamps(*instants: str) -> str:
    """SQL for instants as one value, eight bytes each: as numbers each took a microsecond to make."""
    return " || ".join(f"timestamptz_send({instant})" for instant in instants)


_NEVER = "coalesce({}, '-infinity')"
_TIMES = stamps(
    "r.started_at",
    "coalesce(r.occurred_at, r.started_at)",
    _NEVER.format("r.step_started_at"),
    "coalesce(r.waits_since, r.occurred_at, r.started_at)",
    _NEVER.format("r.resume_at"),
)
RUN = f"""
r.tenant_id, uuid_send(r.id), uuid_send(r.workflow_id), r.workflow_version, uuid_send(r.contact_id),
convert_to(r.trigger_event::text, 'UTF8'),
r.current_node_id, r.seq, r.attempt, r.fence, r.status, r.entry_key, r.resume_port,
convert_to(r.context::text, 'UTF8'), convert_to(r.resume_output::text, 'UTF8'), r.waits_for, r.trigger_id, r.origin, {_TIMES}
"""
"""A stored run, for `run_row`."""


class Item(NamedTuple):
    """One inbox row. `payload` is JSON text; ids are 16 bytes. An event with a `workflow_id` was caused by that workflow.

    Only a start may have no contact.
    `at` is when it arrived, `occurred_at` when it happened: what the sender says (`stated_at`), but never later than it arrived.
    """

    id: int
    tenant_id: int
    kind: int
    name: str
    contact_id: bytes | None
    event_id: bytes | None
    workflow_id: bytes | None
    run_id: bytes | None
    payload: bytes | None
    depth: int
    at: int
    occurred_at: int
    stated_at: int
    now: int
    epoch: int
    priority: int = Priority.NORMAL
    lane: int = 0
    runs_due: bool = False
    """When it was claimed, active workflows had runs whose time had come."""


class RunRow(NamedTuple):
    """A stored run. Instants are microseconds since 2000."""

    tenant_id: int
    id: bytes
    workflow_id: bytes
    version: int
    contact_id: bytes | None
    raw_event: bytes | None
    node_id: str | None
    seq: int
    attempt: int
    fence: int
    status: int
    entry_key: str | None
    resume_port: str | None
    started: int
    occurred_at: int
    step_started: int | None
    context: bytes | None
    resume_output: bytes | None
    waits_for: str | None
    waits_since: int
    """When what its wait for an event began with happened."""
    resume_at: int | None
    trigger_id: str | None
    origin: int
    """A RunOrigin."""


_OF_ITEM, _OF_RUN = struct.Struct(">3q").unpack, struct.Struct(">5q").unpack
_MINUS_INFINITY = -(2**63)
RUN_WIDTH = len(RunRow._fields) - 4
"""Columns of RUN: five instants are one."""


def items_of(answer: Iterable[tuple[Any, ...]]) -> list[Item]:
    """What INBOX answers, and statements that answer the like of stored events."""
    return [Item(*row[:10], *_OF_ITEM(row[10]), *row[11:]) for row in answer]


def run_row(row: Sequence[Any]) -> RunRow:
    """What RUN answers."""
    *columns, context, resume_output, waits_for, trigger_id, origin, times = row
    started, occurred, step_started, waits_since, resume_at = _OF_RUN(times)
    return RunRow._make((
        *columns, started, occurred, None if step_started == _MINUS_INFINITY else step_started, context, resume_output,
        waits_for, waits_since, None if resume_at == _MINUS_INFINITY else resume_at, trigger_id, origin,
    ))  # fmt: skip
