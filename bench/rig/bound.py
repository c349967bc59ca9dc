"""The PostgreSQL bound: the rows of W1 written by COPY BINARY, and nothing else.

The same tables and columns as the engine writes, the same contact change, one transaction a batch. No claim, no reads, no
re-entry, no counters: what is left is what PostgreSQL takes for the rows, with the least Python that can make them.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from app.contacts.tag_repository import changed_sql
from app.engine import rows
from app.engine.write import TABLES
from app.lib import ids
from app.models.status import Channel, MessageStatus, Priority, RunStatus, StepStatus
from bench.rig.flows import STEPS, TEMPLATE
from bench.rig.place import PAYLOAD, WORKFLOW

_PATCH = changed_sql(
    """
    update contacts c set attributes = c.attributes || '{"plan": "trial"}', tags = c.tags || 'welcomed'::text, updated_at = now()
    from unnest(%s::uuid[]) as u(id) where c.tenant_id = %s and c.id = u.id
    """,
    drops=False,
    adds=True,
)


class Bound:
    """Writes batches of W1 rows on one connection."""

    def __init__(self, connection: psycopg.Connection[Any], tenant: int) -> None:
        rows.register(connection)
        self.connection, self.tenant = connection, tenant

    def write(self, people: list[UUID]) -> None:
        """One transaction: runs, steps, messages, contacts."""
        run_ids, contact_ids = ids.uuid7_many(len(people)), [person.bytes for person in people]
        now = rows.stamp(rows.microseconds(rows.EPOCH) + 834_000_000_000_000)
        head = rows.UUID_HEAD
        run_tail = self._after("ended_runs", ("tenant_id", "id", "contact_id"), self._run(now))
        step_tails = [
            self._after("steps", ("tenant_id", "run_id"), self._step(index, now)) for index in range(len(STEPS))
        ]
        between, behind = self._around("messages", ("tenant_id", "run_id"), "contact_id", self._message(now))
        with self.connection.transaction():
            cursor = self.connection.cursor()
            pairs = list(zip(run_ids, contact_ids, strict=True))
            first = self._first("ended_runs")
            self._copy(cursor, "ended_runs", [first + r + head + c + run_tail for r, c in pairs])
            first = self._first("steps")
            self._copy(cursor, "steps", [first + r + tail for r in run_ids for tail in step_tails])
            first = self._first("messages")
            self._copy(cursor, "messages", [first + r + between + head + c + behind for r, c in pairs])
            cursor.execute(_PATCH, (rows.Uuids(contact_ids), self.tenant, ["welcomed"]))

    def _copy(self, cursor: Any, table: str, encoded: list[bytes]) -> None:
        rows.copy(cursor, table, ", ".join(TABLES[table]), encoded)

    def _first(self, table: str) -> bytes:
        """How many columns there are, the workspace, and the length of the id behind it."""
        return len(TABLES[table]).to_bytes(2, "big") + rows.int4(self.tenant) + rows.UUID_HEAD

    def _after(self, table: str, first: tuple[str, ...], values: dict[str, bytes]) -> bytes:
        assert tuple(TABLES[table])[: len(first)] == first
        return b"".join(values.get(column, rows.NULL) for column in list(TABLES[table])[len(first) :])

    def _around(self, table: str, first: tuple[str, ...], later: str, values: dict[str, bytes]) -> tuple[bytes, bytes]:
        columns = list(TABLES[table])
        assert tuple(columns[: len(first)]) == first
        at = columns.index(later)
        encoded = [values.get(column, rows.NULL) for column in columns]
        return b"".join(encoded[len(first) : at]), b"".join(encoded[at + 1 :])

    def _run(self, now: bytes) -> dict[str, bytes]:
        return {
            "workflow_id": rows.uuid(WORKFLOW.bytes),
            "workflow_version": rows.int4(1),
            "trigger_event": rows.json(PAYLOAD),
            "occurred_at": now,
            "started_at": now,
            "completed_at": now,
            "status": rows.int2(RunStatus.COMPLETED),
            "origin": rows.int2(0),
            "seq": rows.int2(len(STEPS)),
            "current_node_id": rows.text("n5"),
            "attempt": rows.int2(1),
        }

    def _step(self, index: int, now: bytes) -> dict[str, bytes]:
        node_id, port, output = STEPS[index]
        return {
            "seq": rows.int2(index + 1),
            "attempt": rows.int2(1),
            "occurrence": rows.int2(1),
            "started_at": now,
            "completed_at": now,
            "node_id": rows.text(node_id),
            "status": rows.int2(StepStatus.COMPLETED),
            "port": rows.text(port),
            "output": rows.json(output),
        }

    def _message(self, now: bytes) -> dict[str, bytes]:
        return {
            "seq": rows.int2(4),
            "workflow_id": rows.uuid(WORKFLOW.bytes),
            "workflow_version": rows.int4(1),
            "node_id": rows.text("n4"),
            "template_id": rows.uuid(UUID(TEMPLATE).bytes),
            "channel": rows.int2(Channel.EMAIL),
            "status": rows.int2(MessageStatus.QUEUED),
            "priority": rows.int2(Priority.NORMAL),
            "due_at": now,
            "created_at": now,
        }
