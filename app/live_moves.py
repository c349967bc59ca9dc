"""Moves: what transactions do to runs of a workspace, written down while somebody watches it. All writers of the table use this module.

Nothing is written, and no statement more is sent, where nobody watches: engines know from the snapshot of the workspace, statements of
others join `live_listeners`. A row is in the transaction of the fact, and a trigger rings `CHANNEL` at its commit. Who watches reads by
snapshot (`app.live.live_repository`), so the order of commits loses nothing; the bell saves waiting, and may be lost.

A move is what runs that went the same way share: `{w: workflow, v: version, steps: [[seq, node, status, port, error where it failed], …],
end: {status, seq, node, error}, fresh: [ids of runs that began], runs: [ids of others]}`; or `{w: workflow}` alone: something else about
its runs changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.types.json import Jsonb

CHANNEL = "live_moved"
MOST_RUNS, MOST_STEPS = 100, 2_000
"""Runs, and steps of ways, that one row lists: a flood costs the engine no more. Nobody follows thousands a second with their eyes."""
MOST_ERROR = 300
"""Characters of an error, which is sent for each run that met it. The run has all of it."""
_WRITE = """
insert into live_moves (tenant_id, at, moves, left_out) select * from unnest(%s::int[], %s::timestamptz[], %s::jsonb[], %s::int[])
"""
_WATCHED = "select extract(epoch from until)::float8 from live_listeners where tenant_id = %s and until > now()"


class Moves(NamedTuple):
    """What one transaction did to runs of one workspace."""

    tenant_id: int
    at: datetime
    moves: list[dict[str, Any]]
    left_out: int = 0


def watched_until(connection: psycopg.Connection[Any], tenant_id: int) -> float:
    """Until when (seconds since 1970, real time) moves of the workspace are to be written; 0 when nobody watches."""
    row = connection.execute(_WATCHED, (tenant_id,)).fetchone()
    return float(row[0]) if row else 0.0


def write_moves(cursor: psycopg.Cursor[Any], rows: Sequence[Moves]) -> None:
    """Write them down in the cursor's transaction. One statement."""
    if rows:
        tenants, times, moves, left_out = map(list, zip(*rows, strict=True))
        cursor.execute(_WRITE, (tenants, times, [Jsonb(one) for one in moves], left_out))


def moved_sql(source: str) -> str:
    """The part of a larger statement that says that something changed about runs, or messages of runs, of the workflows in `source`.

    `source` has `tenant_id` and `workflow_id`.
    """
    return f"""
    insert into live_moves (tenant_id, at, moves)
    select h.tenant_id, (select clock_now()), jsonb_agg(distinct jsonb_build_object('w', h.workflow_id))
    from {source} h join live_listeners l on l.tenant_id = h.tenant_id and l.until > now() group by h.tenant_id
    """  # noqa: S608  constants
