"""What can be done with many workflows at once: put them into folders, tag them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.folders.bulk_verbs import filed_tags, filing_verbs
from app.folders.service import chosen_folder
from app.lists.bulk_verbs import FittingIds, offer_verbs
from app.models import FolderKind
from app.workflows.list_columns import WORKFLOWS
from app.workflows.service import WorkflowService
from app.workflows.statuses import workflow_statuses


async def _fitting(session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int) -> FittingIds:
    """Those that were changed last, where more fit: runs under way, by which a list may be sorted, change what comes first meanwhile."""
    folder, tag = chosen_folder(filters.get("folder")), filters.get("tag")
    statuses = workflow_statuses(filters.get("status"))
    ids = await WorkflowService(session, principal).lists.ids(statuses, filters.get("search"), folder, tag, most + 1)
    return FittingIds(ids[:most], more=len(ids) > most)


BULK = offer_verbs(
    WORKFLOWS.name, "workflow", _fitting, filing_verbs(FolderKind.WORKFLOW), filed_tags(FolderKind.WORKFLOW)
)
