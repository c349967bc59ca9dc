"""SQL that asks which tags contacts have."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from app.lib.database import execute

SUGGESTED, LOOKED_AT = 30, 2_000
"""Tags that are suggested, of the first so many; whoever types one that is not among them may mean it all the same."""
_WITH_LETTERS = """
with recursive known (tag, number) as (
  (select tag, 1 from contact_tags where tenant_id = %(tenant)s order by tag limit 1)
  union all
  select (select t.tag from contact_tags t where t.tenant_id = %(tenant)s and t.tag > k.tag order by t.tag limit 1), k.number + 1
  from known k where k.tag is not null and k.number < %(most)s
)
select tag from known where strpos(lower(tag), lower(%(letters)s)) > 0 order by tag limit %(suggested)s
"""
"""From one tag to the next by the key, however many contacts have each."""
_SOME = """
select exists (
  select from contacts where tenant_id = %(tenant)s and id = any(%(ids)b::uuid[]) and (%(tag)s = any(tags)) = %(tagged)s)
"""


class KnownTags:
    """Tags of the contacts of a workspace."""

    def __init__(self, session: AsyncSession, tenant_id: int) -> None:
        self.session, self.tenant_id = session, tenant_id

    async def with_letters(self, letters: str) -> Sequence[str]:
        """In alphabetical order."""
        limits = {"most": LOOKED_AT, "suggested": SUGGESTED}
        rows = await execute(self.session, _WITH_LETTERS, tenant=self.tenant_id, letters=letters, **limits)
        return [row.tag for row in rows]

    async def some(self, ids: Sequence[UUID], tag: str, *, tagged: bool) -> bool:
        """Has one of these the tag; with `tagged` false: lacks one of them it?"""
        rows = await execute(self.session, _SOME, tenant=self.tenant_id, ids=list(ids), tag=tag, tagged=tagged)
        return bool(rows[0][0])
