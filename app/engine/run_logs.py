"""What steps of a batch write into the logs of their runs: one row for each outcome that says something, in the batch's transaction.

How much a run has logged it carries along (`context.logged`: lines, bytes, lines left out), so its bound costs no look at what is stored.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.engine import rows
from app.engine.paths import QueuedLog
from app.engine.state import RunState
from app.flow.log_lines import MAX_RUN_BYTES, MAX_RUN_LINES

if TYPE_CHECKING:
    from app.engine.walk import Batch

COLUMNS = {
    "tenant_id": "int", "run_id": "uuid", "fence": "int", "part": "smallint", "seq": "smallint", "node_id": "text",
    "at": "timestamptz", "lines": "jsonb",
}  # fmt: skip
LOGGED = "logged"
_HEAD = struct.pack(">h", len(COLUMNS))


def log_rows(batch: Batch) -> list[bytes]:
    """Rows of the log, and what each run has logged is noted with it. To be called before the runs are encoded.

    `fence` is what the run's will be after this batch, so no two batches write the same key.
    """
    out = list[bytes]()
    if not any(path.logs for path in batch.paths):
        return out
    at = rows.stamp(batch.now)
    for path in batch.paths:
        queued = [log for stretch in path.from_start() for log in stretch.logs] if path.runs else []
        if not queued:
            continue
        tails = [rows.int2(log.seq) + log.node.field + at for log in queued]
        whole = [_json(log, len(log.lines)) for log in queued]
        head = _HEAD + rows.int4(path.flow.tenant_id) + rows.UUID_HEAD
        for run in path.runs:
            own_head = head + run.id + rows.int4(0 if run.fence is None else run.fence + 1)
            out += [
                own_head + rows.int2(part) + tails[part] + rows.raw_json(cut or whole[part])
                for part, cut in _kept_parts(run, queued)
            ]
    return out


def _kept_parts(run: RunState, queued: list[QueuedLog]) -> Iterator[tuple[int, bytes | None]]:
    """Which of the parts the run has room for, each with its JSON where that is not the whole part."""
    lines, size, left_out = (run.context or {}).get(LOGGED) or (0, 0, 0)
    for part, log in enumerate(queued):
        count, more = len(log.lines), log.size
        if left_out or lines + count > MAX_RUN_LINES or size + more > MAX_RUN_BYTES:
            count, more = (0, 0) if left_out else _room(log, MAX_RUN_LINES - lines, MAX_RUN_BYTES - size)
            left_out += len(log.lines) - count
        lines, size = lines + count, size + more
        if count:
            yield part, None if count == len(log.lines) else _json(log, count)
    run.context = {**(run.context or {}), LOGGED: [lines, size, left_out]}


def _room(log: QueuedLog, most_lines: int, most_bytes: int) -> tuple[int, int]:
    """How many of the lines still fit, and their bytes."""
    count = size = 0
    for line in log.lines[:most_lines]:
        if size + len(line.json) > most_bytes:
            break
        count, size = count + 1, size + len(line.json)
    return count, size


def _json(log: QueuedLog, count: int) -> bytes:
    return b"[" + b",".join([line.json for line in log.lines[:count]]) + b"]"
