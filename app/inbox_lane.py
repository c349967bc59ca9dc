"""Lanes of the inbox: what one outside sender brings takes turns with everything else of the workspace, so that a flood holds up itself.

What follows from it stays in its lane, however late: a run has the lane of what began it (`RunState.lane`), and so has all that it causes.
"""

from __future__ import annotations

from hashlib import blake2b
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

_LANE = "inbox_lane"
LANE_OF_RUN_SQL = """
coalesce((select (r.context ->> 'lane')::bigint from active_runs r where r.tenant_id = {0}.tenant_id and r.id = {0}.run_id), 0)
"""
"""The lane of an active run, which it carries in its context: `{0}` has `tenant_id` and `run_id`."""


def lane_of_trigger(workflow_id: UUID, trigger_id: str) -> int:
    """The lane of what one trigger's senders bring, whatever the workflow's version: a number greater than 0."""
    digest = blake2b(workflow_id.bytes + trigger_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> 1 or 1


def use_lane(session: AsyncSession, lane: int) -> None:
    """What this session puts into the inbox for somebody outside from now on waits in this lane: events, changes and starts."""
    session.sync_session.info[_LANE] = lane


def lane_of(session: AsyncSession) -> int:
    """The lane that `use_lane` chose, else everybody's."""
    lane: int = session.sync_session.info.get(_LANE, 0)
    return lane
