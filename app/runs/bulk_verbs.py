"""What can be done with many runs at once: cancel those that are under way, try held ones again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.engine import control
from app.errors import Invalid
from app.lib.translation import gettext, translatable
from app.lists.bulk_verbs import BatchResult, BulkVerb, FittingIds, offer_verbs
from app.models.status import Role
from app.runs import list_repository
from app.runs.held import HeldRuns
from app.runs.list_columns import RUNS, WORKFLOW_RUNS
from app.runs.list_query import RunListQuery
from app.runs.repository import RunRepository

PAGE = 1_000
MOST_PAGES = 40


async def _fitting(session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int) -> FittingIds:
    wanted = RunListQuery.of_words(filters).run_filter(order=filters["sort"])
    ids, before = list[UUID](), None
    for _ in range(MOST_PAGES):
        limit = min(PAGE, most + 1 - len(ids))
        page = await list_repository.ids_of_page(session, principal.tenant_id, wanted, before, limit)
        ids, before = ids + page.ids, page.next_before
        if before is None or len(ids) > most:
            break
    return FittingIds(ids[:most], more=len(ids) > most or before is not None)


async def _of_workflow(
    session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int
) -> FittingIds:
    if not filters.get("workflow"):
        raise Invalid(errors=[{"path": "workflow", "message": gettext("Say of which workflow.")}])
    return await _fitting(session, principal, filters, most)


async def _cancel(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> BatchResult:
    return BatchResult(await control.cancel_runs(session, principal.tenant_id, ids))


async def _retry(
    session: AsyncSession, principal: Principal, ids: Sequence[UUID], _arguments: Mapping[str, str]
) -> BatchResult:
    held = await RunRepository(session, principal.tenant_id).held_among(ids)
    return BatchResult(await HeldRuns(session, principal).retry([(run_id, seq + 1) for run_id, seq in held]))


_VERBS = [
    BulkVerb("cancel", _cancel, translatable("%(rows)s cancelled."), role_for_all=Role.ADMIN),
    BulkVerb("retry", _retry, translatable("%(rows)s tried again.")),
]
"""Only admins cancel by filter, as with held runs."""
BULK = [
    offer_verbs(RUNS.name, "run", _fitting, _VERBS),
    offer_verbs(WORKFLOW_RUNS.name, "run", _of_workflow, _VERBS),
]
