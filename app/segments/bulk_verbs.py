"""What can be done with many segments at once: delete those that nobody relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib.translation import translatable
from app.lists.bulk_verbs import BatchResult, BulkVerb, FittingIds, offer_verbs
from app.segments.list_columns import SEGMENTS
from app.segments.service import SegmentInUse, SegmentNotFound, SegmentService
from app.web.pagination import MAX_LIMIT

IN_USE = translatable("a workflow or another segment uses them.")


async def _fitting(session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int) -> FittingIds:
    """A workspace has 500 segments at most."""
    segments, ids, cursor = SegmentService(session, principal), list[UUID](), None
    while len(ids) <= most:
        search, order = filters.get("search", ""), filters["sort"]
        page = await segments.list(search=search, cursor=cursor, limit=MAX_LIMIT, order=order)
        ids, cursor = [*ids, *(one.segment.id for one in page.items)], page.next_cursor
        if cursor is None:
            break
    return FittingIds(ids[:most], more=len(ids) > most or cursor is not None)


async def _delete(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> BatchResult:
    segments, done, refused = SegmentService(session, principal), 0, 0
    for segment_id in sorted(ids):
        try:
            await segments.delete(segment_id)
        except SegmentNotFound:
            continue
        except SegmentInUse:
            refused += 1
        else:
            done += 1
    return BatchResult(done, refused=refused, reason=IN_USE if refused else None)


BULK = offer_verbs(
    SEGMENTS.name,
    "segment",
    _fitting,
    [BulkVerb("delete", _delete, translatable("%(rows)s deleted."), batch=20, most=500)],
)
"""What uses a segment is looked up one by one, so they are few at a time."""
