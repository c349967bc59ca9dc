"""What became of the messages that runs asked for before: read once for a batch, and only for versions that look at it."""

from __future__ import annotations

from collections.abc import Iterable

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.rows import Int4s, Uuids
from app.engine.state import RunState
from app.flow.paths import MESSAGES

_MESSAGES = """
select uuid_send(m.run_id), m.node_id, m.reported from unnest(%s::int[], %s::uuid[]) as u(tenant_id, run_id)
join messages m on m.tenant_id = u.tenant_id and m.run_id = u.run_id order by m.run_id, m.seq
"""


def load(cursor: Cursor, runs: Iterable[RunState]) -> None:
    """Tell stored runs whose version asks what became of their messages. New runs have none yet."""
    asking = {run.id: run for run in runs if MESSAGES in run.flow.scope.reads}
    if not asking:
        return
    for run in asking.values():
        run.messages = []
    tenants = Int4s([rows.int4(run.flow.tenant_id) for run in asking.values()])
    for run_id, node_id, reported in cursor.execute(_MESSAGES, (tenants, Uuids(list(asking)))).fetchall():
        messages = asking[run_id].messages
        assert messages is not None
        messages.append((node_id, reported))
