"""SQL that keeps `contact_tags` what `contacts.tags` says. Whoever writes tags does it with one of these, in the statement that does.

A contact's row is locked by the update, so that two who change one contact's tags at once write them one after the other.
"""

from __future__ import annotations


def changed_sql(update: str, *, drops: bool, adds: bool) -> str:
    """`update` of contacts, and with it the rows of tags that it takes away and adds, each a parameter `%s` of texts in this order.

    `update` must not have a RETURNING and calls the contacts `c`. At least one of the two must be true.
    """
    parts = [f"changed as ({update} returning c.tenant_id, c.created_at, c.id)"]
    drop = (
        "delete from contact_tags t using changed"
        " where t.tenant_id = changed.tenant_id and t.tag = any(%s::text[])"
        " and t.created_at = changed.created_at and t.contact_id = changed.id"
    )
    add = (
        "insert into contact_tags (tenant_id, tag, created_at, contact_id)"
        " select tenant_id, tag, created_at, id from changed cross join unnest(%s::text[]) as tag on conflict do nothing"
    )
    if drops and adds:
        parts.append(f"dropped as ({drop})")
    return f"with {', '.join(parts)} {add if adds else drop}"


CHANGED_EACH = """
with changed as ({update} returning c.tenant_id, c.created_at, c.id, u.patch),
dropped as (
  delete from contact_tags t using changed, jsonb_array_elements_text(patch->'drop') as old(tag)
  where t.tenant_id = changed.tenant_id and t.tag = old.tag and t.created_at = changed.created_at and t.contact_id = changed.id)
insert into contact_tags (tenant_id, tag, created_at, contact_id)
select tenant_id, new.tag, created_at, id from changed, jsonb_array_elements_text(patch->'add') as new(tag) on conflict do nothing
"""
"""The same where each contact loses and gets tags of its own: lists of texts `drop` and `add` in the column `patch` of the source `u`."""

INSERTED = """
tagged as (
  insert into contact_tags (tenant_id, tag, created_at, contact_id)
  select distinct tenant_id, tag, created_at, id from inserted cross join unnest(tags) as tag
)
"""
"""Of new contacts, the CTE `inserted (tenant_id, created_at, id, tags)`."""

UPDATED = """
dropped as (
  delete from contact_tags t using updated u cross join unnest(u.before) as old (tag)
  where old.tag <> all(u.after)
    and t.tenant_id = u.tenant_id and t.tag = old.tag and t.created_at = u.created_at and t.contact_id = u.id
), tagged as (
  insert into contact_tags (tenant_id, tag, created_at, contact_id)
  select distinct u.tenant_id, added.tag, u.created_at, u.id from updated u cross join unnest(u.after) as added (tag)
  where added.tag <> all(u.before) on conflict do nothing
)
"""
"""Of contacts whose tags are replaced, the CTE `updated (tenant_id, created_at, id, before, after)`."""

UNLIKE = """
select coalesce(c.id, t.contact_id), 'tag ' || coalesce(c.tag, t.tag) || case when t.tag is null then ' has no row' else ' is not on it' end
from (select distinct tenant_id, id, created_at, tag from contacts, unnest(tags) as tag) c
full join contact_tags t
  on t.tenant_id = c.tenant_id and t.contact_id = c.id and t.created_at = c.created_at and t.tag = c.tag
where t.tag is null or c.tag is null
"""
"""Where the two do not say the same, for the check of integrity: contact and words."""
