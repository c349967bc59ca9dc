"""What can be done with many templates at once: put them into folders, tag them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from app.accounts.principal import Principal
from app.folders.bulk_verbs import filed_tags, filing_verbs
from app.folders.service import chosen_folder
from app.lists.bulk_verbs import FittingIds, offer_verbs
from app.message_templates.list_columns import TEMPLATES
from app.message_templates.service import TemplateService
from app.models import FolderKind


async def _fitting(session: AsyncSession, principal: Principal, filters: Mapping[str, str], most: int) -> FittingIds:
    folder, tag = chosen_folder(filters.get("folder")), filters.get("tag")
    ids = await TemplateService(session, principal).rows.ids(
        filters.get("search", ""), folder, tag, filters["sort"], most + 1
    )
    return FittingIds(ids[:most], more=len(ids) > most)


BULK = offer_verbs(
    TEMPLATES.name, "template", _fitting, filing_verbs(FolderKind.TEMPLATE), filed_tags(FolderKind.TEMPLATE)
)
