"""What of a batch dynamic segments have to look at: events that rules count, changes of contacts, runs, and turns."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from app.engine import rows
from app.engine.claim import Cursor
from app.engine.matcher import Matcher
from app.engine.membership import WorkspaceMembership
from app.engine.stored_rows import Item
from app.engine.walk import Batch
from app.inbox import InboxKind
from app.membership.book import CHANGES, Book


def concerning(matcher: Matcher, items: Iterable[Item]) -> list[Item]:
    """Those of these items that rules count, or that say that a contact has changed."""
    counted: dict[tuple[int, str], bool] = {}
    """By workspace and name: most items of a batch share both."""

    def concerns(item: Item) -> bool:
        known = counted.get((item.tenant_id, item.name))
        if known is None:
            book = matcher.workspace(item.tenant_id).book
            known = counted[item.tenant_id, item.name] = book is not None and book.counted(item.name)
        if known or item.name not in CHANGES:
            return known
        book = matcher.workspace(item.tenant_id).book
        return book is not None and _changes(book, item)

    return [item for item in items if item.kind in _HAPPENED and concerns(item)]


def _changes(book: Book, item: Item) -> bool:
    """Does it change what a rule reads?"""
    return bool(book.concerned(item.name, rows.decode(item.payload) if item.payload else {}))


_HAPPENED = frozenset((InboxKind.EVENT, InboxKind.FOLLOW))


def move_members(cursor: Cursor, batch: Batch, matcher: Matcher, shard: int) -> None:
    """Let contacts enter and leave by what a written batch did."""
    if not matcher.keeps_segments:
        return
    of_workspaces: dict[int, WorkspaceMembership] = {}

    def of(tenant_id: int) -> WorkspaceMembership | None:
        book = matcher.workspace(tenant_id).book
        if book is None:
            return None
        one = of_workspaces.get(tenant_id)
        if one is None:
            one = of_workspaces[tenant_id] = WorkspaceMembership(
                cursor, book, tenant_id, batch.contacts, batch.now, builds=bool(batch.segment_work.events)
            )
        return one

    for item in batch.segment_work.events:
        if (membership := of(item.tenant_id)) is not None:
            membership.happened(item)
    for contact in batch.contacts.values():
        run = contact.changed_by
        if run is not None and contact.changes and (membership := of(run.flow.tenant_id)) is not None:
            membership.changed(contact, run)
    for path in batch.paths:
        membership = of(path.flow.tenant_id) if path.runs else None
        if membership is not None and UUID(bytes=path.flow.workflow_id) in membership.book.workflows:
            for run in path.runs:
                membership.moved(run)
    for tenant_id, contacts in batch.segment_work.turns.items():
        if (membership := of(tenant_id)) is not None:
            membership.woken(contacts)
    for membership in of_workspaces.values():
        membership.apply(shard)
