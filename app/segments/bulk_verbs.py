"""What can be done with many segments at once: delete those that nobody relies on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.lib.translation import translatable
from app.lists.bulk_verbs import BatchResult, BulkVerb, FittingIds, offer_verbs
from app.models import Segment
from app.segments.list_columns import SEGMENTS
from app.segments.rules import asked_by
from app.segments.service import SegmentInUse, SegmentNotFound, SegmentService
from app.usage import NAMED
from app.web.pagination import MAX_LIMIT

IN_USE = translatable("a workflow or another segment uses %(names)s.")


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


async def _who_asks_first(session: AsyncSession, principal: Principal, ids: Sequence[UUID]) -> Sequence[UUID]:
    """A segment is in use while another asks for it: who asks goes first. Rules never ask in a circle; one that did would be left.

    The order is that of the whole workspace, so that two who delete at once lock them in the same one.
    """
    rows = await SegmentService(session, principal).rows.list(order_by=[Segment.id])
    try:
        ordered = list(TopologicalSorter({row.id: asked_by(row) for row in rows}).static_order())[::-1]
    except CycleError:
        return sorted(ids)
    place = {segment_id: number for number, segment_id in enumerate(ordered)}
    return sorted(ids, key=lambda one: (place.get(one, -1), one))


async def _delete(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> BatchResult:
    segments, done, refused = SegmentService(session, principal), 0, list[str]()
    for segment_id in ids:
        try:
            await segments.delete(segment_id)
        except SegmentNotFound:
            continue
        except SegmentInUse:
            refused.append(await _named(segments, segment_id))
        else:
            done += 1
    return BatchResult(done, refused=len(refused), reason=IN_USE if refused else None, refused_names=refused)


async def _named(segments: SegmentService, segment_id: UUID) -> str:
    """`“Customers” (“Lapsed”, “Welcome”)`: one that is used, and by whom."""
    segment = (await segments.get(segment_id)).segment
    uses = await segments.uses(segment)
    names = dict.fromkeys([row.name for row in uses.segments] + [use.workflow_name for use in uses.workflows])
    some = ", ".join(f"“{name}”" for name in list(names)[:NAMED]) + (" …" if len(names) > NAMED else "")
    return f"“{segment.name}” ({some})"


BULK = offer_verbs(
    SEGMENTS.name,
    "segment",
    _fitting,
    [
        BulkVerb("delete", _delete, translatable("%(rows)s deleted."), arrange=_who_asks_first, batch=20, most=500),
    ],
)
"""What uses a segment is looked up one by one, so they are few at a time."""
