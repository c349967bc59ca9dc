"""Which static segments the contacts of a batch enter and leave because steps wished so. Set-wise: two statements for all of them."""

from __future__ import annotations

from uuid import UUID

from app.engine.claim import Cursor
from app.engine.limits import MAX_DEPTH
from app.engine.state import RunState
from app.engine.walk import Batch
from app.segment_member_repository import StaticMove, move_static


def move_segments(cursor: Cursor, batch: Batch, shard: int) -> None:
    """Write what the batch wishes. Its transaction holds the contacts. Costs nothing where no step wished for anything."""
    entering, leaving = list[StaticMove](), list[StaticMove]()
    for contact in batch.contacts.values():
        for segment_id, (enters, run) in (contact.segment_changes or {}).items():
            (entering if enters else leaving).append(_move(segment_id, contact.id, run))
    if entering or leaving:
        move_static(cursor, entering=entering, leaving=leaving, shard=shard)


def _move(segment_id: UUID, contact_id: bytes, run: RunState) -> StaticMove:
    """An echo of an echo of an echo ends, as with other changes of contacts: the contact moves, and no workflow hears of it."""
    depth = run.depth + 1 if run.depth < MAX_DEPTH else None
    workflow_id = UUID(bytes=run.flow.workflow_id)
    return StaticMove(run.flow.tenant_id, segment_id, UUID(bytes=contact_id), workflow_id, depth, run.lane)
