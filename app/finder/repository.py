"""SQL of the palette: names of what a workspace has, and what changed last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute

# One statement: each kind has few rows, and they are read by the workspace's part of the key.
_NAMED = """
(select 'workflow' as kind, id, name, status as note from workflows
 where tenant_id = %(tenant)s and deleted_at is null and strpos(lower(name), %(search)s) > 0
 order by strpos(lower(name), %(search)s), updated_at desc, id limit %(limit)s)
union all
(select 'segment', id, name, '' from segments
 where tenant_id = %(tenant)s and deleted_at is null and strpos(lower(name), %(search)s) > 0
 order by strpos(lower(name), %(search)s), updated_at desc, id limit %(limit)s)
union all
(select 'template', id, name, channel from templates
 where tenant_id = %(tenant)s and strpos(lower(name), %(search)s) > 0
 order by strpos(lower(name), %(search)s), updated_at desc, id limit %(limit)s)
union all
(select 'folder', id, name, kind from folders
 where tenant_id = %(tenant)s and strpos(lower(name), %(search)s) > 0
 order by strpos(lower(name), %(search)s), updated_at desc, id limit %(limit)s)
union all
(select 'connector', id, name, '' from connectors
 where tenant_id = %(tenant)s and strpos(lower(name), %(search)s) > 0
 order by strpos(lower(name), %(search)s), updated_at desc, id limit %(limit)s)
"""
_CHANGED = """
select 'workflow' as kind, id, name, status as note from workflows
where tenant_id = %(tenant)s and deleted_at is null order by updated_at desc, id desc limit %(limit)s
"""


async def of_name(session: AsyncSession, tenant_id: int, search: str, limit: int) -> Sequence[Any]:
    """(kind, id, name, note) of workflows, segments, templates, folders and connectors whose name holds `search`, `limit` of each kind."""
    return await execute(session, _NAMED, tenant=tenant_id, search=search.lower(), limit=limit)


async def last_changed(session: AsyncSession, tenant_id: int, limit: int) -> Sequence[Any]:
    """The same of the workflows that were changed last."""
    return await execute(session, _CHANGED, tenant=tenant_id, limit=limit)
