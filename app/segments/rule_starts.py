"""Workflows start for those who move when a changed rule begins to count: an enrolment for each trigger that waits for such moves."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from app.enrolments import service
from app.flow.audience import Audience, RuleReplacement
from app.flow.document import triggers_of
from app.flow.trigger_registry import typed
from app.lib.translation import translatable
from app.models import Segment
from app.segments.repository import SegmentRepository

CAME_IN = translatable("Who came into %(name)s when its rule changed")
LEFT = translatable("Who left %(name)s when its rule changed")


async def start_for_moved(session: AsyncSession, segment: Segment, change: RuleReplacement, started_by: str) -> int:
    """Let those who moved by `change`, which counts already, into the workflows that wait for it, a part at a time. Answers how many
    enrolments begin: those without anybody do not."""
    tenant_id, begun = segment.tenant_id, 0
    for workflow_id, graph in await SegmentRepository(session, tenant_id).live_naming(segment.id):
        for trigger in triggers_of(graph):
            kind, config = typed(trigger)
            move = kind.awaited_move(config) if trigger.enabled else None
            if move is None or move.segment_id != segment.id:
                continue
            moved = RuleReplacement(change.before, change.after, change.at, left=move.leaves)
            audience = Audience(segment.id, moved)
            if await service.audience_size(session, tenant_id, audience):
                await service.begin(
                    session,
                    tenant_id,
                    workflow_id=workflow_id,
                    trigger_id=trigger.id,
                    audience=audience,
                    properties={"segmentId": str(segment.id), "segmentName": segment.name},
                    reason=(LEFT if move.leaves else CAME_IN) % {"name": segment.name},
                    started_by=started_by,
                )
                begun += 1
    return begun
