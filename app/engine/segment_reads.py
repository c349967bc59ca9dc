"""Where contacts stand with segments that conditions ask for: read for a batch at once, and only for versions that ask.

What counts is the moment of acting: all events that were handled, those of this batch too, and all that time alone has changed by now,
but not what the runs of this batch change on the contact. Static segments are those that steps of this batch wish for.
A dynamic segment that is built for the first time has no members until it is built to the end; a changed rule counts when it is applied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from app.engine.claim import Cursor, Place
from app.engine.compiled import CompiledFlow
from app.engine.matcher import Matcher
from app.engine.membership import WorkspaceMembership
from app.engine.state import KnownSegment
from app.engine.walk import Batch
from app.membership.state_repository import StateRepository

_SEGMENTS = """
select s.id, s.number, s.name, s.kind = 'static', s.kind = 'static' or coalesce(b.ready, false)
from segments s left join segment_builds b on b.tenant_id = s.tenant_id and b.number = s.number and b.dropped_at is null
where s.tenant_id = %(tenant)s and s.id = any(%(ids)s) and s.deleted_at is null
"""


class _Loaded(NamedTuple):
    """What was read of a workspace in this batch."""

    known: dict[UUID, KnownSegment]
    static: set[int]


class SegmentReads:
    """Of one batch, whose contacts are locked."""

    def __init__(self, cursor: Cursor, matcher: Matcher, batch: Batch, places: Sequence[Place]) -> None:
        self._cursor, self._matcher, self._batch, self._places = cursor, matcher, batch, places
        self._loaded: dict[int, _Loaded] = {}

    def load(self, flows: Iterable[CompiledFlow]) -> None:
        """Tell these versions, and the contacts of their workspaces, about the segments that they ask for; nothing where none does."""
        asking: dict[int, list[CompiledFlow]] = {}
        for flow in flows:
            if flow.segments:
                asking.setdefault(flow.tenant_id, []).append(flow)
        for tenant_id, several in asking.items():
            loaded = self._workspace(tenant_id, {one for flow in several for one in flow.segments})
            for flow in several:
                flow.known_segments = loaded.known

    def _workspace(self, tenant_id: int, wanted: set[UUID]) -> _Loaded:
        loaded, rows = self._loaded.get(tenant_id), StateRepository(self._cursor, tenant_id)
        contacts = [
            id_ for tenant, id_ in dict.fromkeys(self._places) if tenant == tenant_id and id_ in self._batch.contacts
        ]
        if loaded is None:
            loaded = self._loaded[tenant_id] = _Loaded({}, set())
            self._dynamic(tenant_id, contacts, rows)
        if needed := wanted - loaded.known.keys():
            arguments = {"tenant": tenant_id, "ids": list(needed)}
            for id_, *values in self._cursor.execute(_SEGMENTS, arguments).fetchall():
                loaded.known[id_] = KnownSegment(*values)
        static = {one.number for one in loaded.known.values() if one.is_static} - loaded.static
        if static and contacts:
            loaded.static.update(static)
            for contact_id, numbers in rows.static(contacts, list(static)).items():
                contact = self._batch.contacts[contact_id]
                contact.segments = contact.segments | numbers
        return loaded

    def _dynamic(self, tenant_id: int, contacts: list[bytes], rows: StateRepository) -> None:
        book, batch = self._matcher.workspace(tenant_id).book, self._batch
        if book is None or not contacts:
            return
        states = rows.states(contacts)
        membership = WorkspaceMembership(self._cursor, book, tenant_id, batch.contacts, batch.now, builds=False)
        for item in batch.segment_work.events:
            if item.tenant_id == tenant_id:
                membership.happened(item)
        membership.woken(
            id_ for id_, state in states.items() if state.next_at is not None and state.next_at <= batch.now
        )
        by_now = membership.foreseen(states)
        for contact_id in contacts:
            state = states.get(contact_id)
            batch.contacts[contact_id].segments = by_now.get(contact_id, state.segments if state else frozenset())
