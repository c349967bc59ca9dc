"""What of a batch triggers have to look at that watch dates of contacts: contacts that came, and changes of what they watch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.due_dates import DueDates
from app.engine.matcher import Matcher
from app.engine.segment_work import move_members
from app.engine.stored_rows import Item
from app.engine.walk import Batch
from app.flow.contact_goals import UPDATED
from app.inbox import InboxKind

CREATED = "contact.created"


def concerning_dates(matcher: Matcher, items: Iterable[Item]) -> list[Item]:
    """Those of these items that may change when a date of a contact is due."""
    return [
        item
        for item in items
        if item.kind in (InboxKind.EVENT, InboxKind.FOLLOW)
        and item.name in (CREATED, UPDATED)
        and (watched := matcher.workspace(item.tenant_id).watched)
        and (item.name == CREATED or not watched.isdisjoint(_properties(item).get("changed") or ()))
    ]


def follow_batch(cursor: Cursor, batch: Batch, matcher: Matcher, shard: int) -> None:
    """Let contacts enter and leave segments, and their dates move, by what a written batch did."""
    move_members(cursor, batch, matcher, shard)
    keep_due_dates(cursor, batch, matcher)


def keep_due_dates(cursor: Cursor, batch: Batch, matcher: Matcher) -> None:
    """Follow what a written batch changed. Costs nothing where no workflow watches a date."""
    if not matcher.keeps_dates:
        return
    since: dict[int, dict[bytes, int]] = {}
    for item in batch.segment_work.dates:
        if item.contact_id in batch.contacts:
            of_workspace = since.setdefault(item.tenant_id, {})
            of_workspace[item.contact_id] = min(item.at, of_workspace.get(item.contact_id, item.at))
    for contact in batch.contacts.values():
        run = contact.changed_by
        if run is None or not contact.changes:
            continue
        watched = matcher.workspace(run.flow.tenant_id).watched
        if watched and any(not watched.isdisjoint(change.fields()) for change in contact.changes):
            since.setdefault(run.flow.tenant_id, {}).setdefault(contact.id, batch.now)
    for tenant_id, contacts in since.items():
        known = matcher.workspace(tenant_id)
        DueDates(cursor, tenant_id, known.timezone, batch.now).follow(known.dates, contacts)


def _properties(item: Item) -> dict[str, Any]:
    properties: dict[str, Any] = rows.decode(item.payload) if item.payload else {}
    return properties
