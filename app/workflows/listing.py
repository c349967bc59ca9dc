"""The list of workflows: one page of it, sorted by what a row holds or by how many runs are under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.counters.run_counter_repository import RunCounterRepository
from app.counters.run_counters import Totals, running
from app.models import Workflow
from app.models.folder import FolderFilter
from app.models.status import WorkflowStatus
from app.web.pagination import Page, clamp_limit, cut, decode_cursor
from app.workflows.drafts import Drafts
from app.workflows.loaded import WorkflowListItem
from app.workflows.repository import LAST_CHANGED, VersionRepository, WorkflowRepository
from app.workflows.statuses import LISTED

ACTIVE = "active"
"""The order by runs under way, the most first with a minus."""
MOST_BY_ACTIVE = 500
"""Workflows that are sorted by their runs under way. Counters have no index by their sum: all of them are read and sorted."""


class WorkflowLists:
    """The workflows of a workspace as lists show them."""

    def __init__(
        self,
        rows: WorkflowRepository,
        versions: VersionRepository,
        counters: RunCounterRepository,
        drafts: Drafts,
    ) -> None:
        self._rows, self._versions, self._counters, self._drafts = rows, versions, counters, drafts

    async def page(
        self,
        *,
        statuses: Sequence[WorkflowStatus] = LISTED,
        search: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        folder: FolderFilter | None = None,
        tag: str | None = None,
        order: str | None = None,
    ) -> Page[WorkflowListItem]:
        """Last changed first or sorted otherwise; `search` looks in name and description. Three queries, whatever the number."""
        filters = self._rows.listed(statuses or LISTED, search, folder, tag)
        if order and order.removeprefix("-") == ACTIVE:
            keys = await self._by_active(await self._rows.ids(filters, MOST_BY_ACTIVE), order, cursor, limit)
            return Page(await self.of_ids([one for _, one in keys.items]), keys.next_cursor)
        page = await self._rows.sorted_by(filters, cursor, clamp_limit(limit), order or LAST_CHANGED)
        return Page(await self._items(page.items), page.next_cursor)

    async def ids(
        self,
        statuses: Sequence[WorkflowStatus],
        search: str | None,
        folder: FolderFilter | None,
        tag: str | None,
        most: int,
    ) -> Sequence[UUID]:
        """The first that fit, last changed first."""
        return await self._rows.ids(self._rows.listed(statuses or LISTED, search, folder, tag), most)

    async def ids_by_active(self, order: str, **wanted: Any) -> Sequence[UUID] | None:
        """All that fit (`wanted`: as of `page`) by their runs under way now; None where they are too many to be sorted so."""
        filters = self._rows.listed(wanted["statuses"] or LISTED, wanted["search"], wanted["folder"], wanted["tag"])
        ids = await self._rows.ids(filters, MOST_BY_ACTIVE + 1)
        return [one for _, one in await self._sorted(ids, order)] if len(ids) <= MOST_BY_ACTIVE else None

    async def of_ids(self, ids: Sequence[UUID]) -> list[WorkflowListItem]:
        """Those that are there, in this order."""
        by_id = {row.id: row for row in await self._rows.list(Workflow.id.in_(ids), Workflow.deleted_at.is_(None))}
        return await self._items([by_id[one] for one in ids if one in by_id])

    async def _by_active(
        self, ids: Sequence[UUID], order: str, cursor: str | None, limit: int | None
    ) -> Page[tuple[int, UUID]]:
        """A page of (runs under way, workflow). What moves meanwhile may be met twice or not at all, as in any list of what moves."""
        keys, falling = await self._sorted(ids, order), order.startswith("-")
        if cursor:
            after = decode_cursor(cursor, int, UUID)
            keys = [key for key in keys if (key < after if falling else key > after)]
        return cut(keys[: clamp_limit(limit) + 1], clamp_limit(limit), lambda key: key)

    async def _sorted(self, ids: Sequence[UUID], order: str) -> list[tuple[int, UUID]]:
        counters = await self._counters.of_runs(ids)
        return sorted(((running(counters.get(one, {})), one) for one in ids), reverse=order.startswith("-"))

    async def _items(self, rows: Sequence[Workflow]) -> list[WorkflowListItem]:
        hashes = await self._versions.live_hashes(rows)
        counters = await self._counters.of_workflows(row.id for row in rows)
        return [
            WorkflowListItem(
                workflow=row,
                flow=self._drafts.of(row).flow,
                has_unpublished_changes=hashes.get(row.id) != self._drafts.of(row).content_hash,
                totals=Totals.of(counters.get(row.id, {})),
            )
            for row in rows
        ]
